/// Who a key belongs to.
package struct ThingIdentity: Sendable, Hashable {
    package let thing: Thing.ID
    package let tenant: Tenant.ID

    package init(thing: Thing.ID, tenant: Tenant.ID) {
        self.thing = thing
        self.tenant = tenant
    }
}
