/// Who owns what: every row carries a tenant. For now a tenant is an account, and their ids are the same.
package enum Tenant {
    package typealias ID = TypedID<Tenant>
}

/// A person's account.
package enum Account {
    package typealias ID = TypedID<Account>
}

extension Account.ID where Subject == Account {
    /// The tenant that this account is.
    package var tenant: Tenant.ID { Tenant.ID(value) }
}

/// A device: it holds a key, and publishes to and receives from the channels it is connected to.
package struct Thing: Sendable, Equatable {
    package typealias ID = TypedID<Thing>

    package var id: ID
    package var tenant: Tenant.ID
    package var key: ThingKey
    package var name: String
    package var metadata: JSONObject

    package init(id: ID, tenant: Tenant.ID, key: ThingKey, name: String = "", metadata: JSONObject = [:]) {
        self.id = id
        self.tenant = tenant
        self.key = key
        self.name = name
        self.metadata = metadata
    }
}

/// What messages are published to.
package struct Channel: Sendable, Equatable {
    package typealias ID = TypedID<Channel>

    package var id: ID
    package var tenant: Tenant.ID
    package var name: String
    package var metadata: JSONObject

    package init(id: ID, tenant: Tenant.ID, name: String = "", metadata: JSONObject = [:]) {
        self.id = id
        self.tenant = tenant
        self.name = name
        self.metadata = metadata
    }
}

/// `Channel.ID`, for files that import NIOCore, whose `Channel` is another.
package typealias ChannelID = Channel.ID
