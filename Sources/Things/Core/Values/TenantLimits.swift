/// How much one tenant may own; nil: any number.
package struct TenantLimits: Sendable {
    package let things: Int?
    package let channels: Int?

    package init(things: Int? = nil, channels: Int? = nil) {
        self.things = things
        self.channels = channels
    }
}

/// What a tenant owns a number of.
package enum Owned: String, Sendable {
    case things, channels
}
