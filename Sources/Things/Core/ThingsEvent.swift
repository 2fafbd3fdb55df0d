package import Model

/// A change that has been committed (contract section 5.4). There is none for what didn't change, and none holds a key.
package enum ThingsEvent: Sendable, Equatable {
    case thingCreated(Thing.ID, owner: Tenant.ID, Details)
    case thingUpdated(Thing.ID, Details)
    case thingKeyChanged(Thing.ID)
    case thingRemoved(Thing.ID)
    case channelCreated(Channel.ID, owner: Tenant.ID, Details)
    case channelUpdated(Channel.ID, Details)
    case channelRemoved(Channel.ID)
    case connected(Connection)
    case disconnected(Connection)
    /// Everything of this tenant is gone.
    case tenantRemoved(Tenant.ID)
}

extension ThingsEvent {
    /// The right that this change took away, if it took one.
    package var accessEvent: AccessEvent? {
        switch self {
        case .thingKeyChanged(let thing): .keyChanged(thing)
        case .thingRemoved(let thing): .thingRemoved(thing)
        case .channelRemoved(let channel): .channelRemoved(channel)
        case .disconnected(let connection): .disconnected(connection.thing, connection.channel)
        case .tenantRemoved(let tenant): .tenantRemoved(tenant)
        case .thingCreated, .thingUpdated, .channelCreated, .channelUpdated, .connected: nil
        }
    }

    /// The name of the change in the event log.
    package var operation: String {
        switch self {
        case .thingCreated: "thing.create"
        case .thingUpdated: "thing.update"
        case .thingKeyChanged: "thing.key"
        case .thingRemoved: "thing.remove"
        case .channelCreated: "channel.create"
        case .channelUpdated: "channel.update"
        case .channelRemoved: "channel.remove"
        case .connected: "thing.connect"
        case .disconnected: "thing.disconnect"
        case .tenantRemoved: "tenant.remove"
        }
    }

    /// As it stands in the event log.
    package var members: JSONObject {
        fields.mapValues { .string($0) }.merging(["source": "things", "operation": .string(operation)]) { $1 }
    }

    /// The other fields of the event log, all texts; the owner is the account's id.
    package var fields: [String: String] {
        switch self {
        case .thingCreated(let id, let owner, let details):
            details.fields.merging(["id": "\(id)", "owner": "\(owner)"]) { $1 }
        case .channelCreated(let id, let owner, let details):
            details.fields.merging(["id": "\(id)", "owner": "\(owner)"]) { $1 }
        case .thingUpdated(let id, let details): details.fields.merging(["id": "\(id)"]) { $1 }
        case .channelUpdated(let id, let details): details.fields.merging(["id": "\(id)"]) { $1 }
        case .thingKeyChanged(let id), .thingRemoved(let id): ["id": "\(id)"]
        case .channelRemoved(let id): ["id": "\(id)"]
        case .connected(let connection), .disconnected(let connection):
            ["chan_id": "\(connection.channel)", "thing_id": "\(connection.thing)"]
        case .tenantRemoved(let tenant): ["owner": "\(tenant)"]
        }
    }
}

extension Details {
    fileprivate var fields: [String: String] {
        var fields: [String: String] = [:]
        if !name.isEmpty { fields["name"] = name }
        if !metadata.isEmpty { fields["metadata"] = JSONValue.object(metadata).text }
        return fields
    }
}
