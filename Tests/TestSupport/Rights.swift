package import Messaging
package import Model
internal import Synchronization

/// Who has which key and may use which channel: a things service in memory.
package struct Rights: Sendable {
    package private(set) var keys: [ThingKey: ThingIdentity] = [:]
    private var channels: [Thing.ID: Set<ChannelID>] = [:]
    package var isOut = false

    package init() {}

    /// Makes a thing with a key.
    package mutating func addThing(tenant: Tenant.ID = .random()) -> (identity: ThingIdentity, key: ThingKey) {
        let identity = ThingIdentity(thing: .random(), tenant: tenant)
        let key = ThingKey.random()
        keys[key] = identity
        return (identity, key)
    }

    package mutating func setKey(_ key: ThingKey, of identity: ThingIdentity) {
        for (former, owner) in keys where owner == identity { keys[former] = nil }
        keys[key] = identity
    }

    package mutating func connect(_ identity: ThingIdentity, _ channel: ChannelID) {
        channels[identity.thing, default: []].insert(channel)
    }

    package func owner(of key: ThingKey) -> ThingIdentity? { keys[key] }

    package func allows(_ thing: Thing.ID, _ channel: ChannelID) -> Bool {
        channels[thing]?.contains(channel) ?? false
    }

    /// Takes away what the event says.
    package mutating func apply(_ event: AccessEvent) {
        switch event {
        case .thingRemoved(let thing):
            keys = keys.filter { $0.value.thing != thing }
            channels[thing] = nil
        case .keyChanged(let thing):
            for (key, owner) in keys where owner.thing == thing {
                keys[key] = nil
                keys[.random()] = owner
            }
        case .disconnected(let thing, let channel):
            channels[thing]?.remove(channel)
        case .channelRemoved(let channel):
            for thing in channels.keys { channels[thing]?.remove(channel) }
        case .tenantRemoved(let tenant):
            for owner in keys.values where owner.tenant == tenant { channels[owner.thing] = nil }
            keys = keys.filter { $0.value.tenant != tenant }
        }
    }
}

/// ``Rights`` behind the port that the adapters ask.
package final class MemoryAccessControl: AccessControl {
    private let rights: Mutex<Rights>

    package init(_ rights: Rights) {
        self.rights = Mutex(rights)
    }

    package func change(_ body: (inout Rights) -> Void) {
        rights.withLock { body(&$0) }
    }

    package func decide(_ questions: [AccessQuestion.Subject]) async -> [Result<ThingIdentity?, AccessUnavailable>] {
        let rights = rights.withLock { $0 }
        return questions.map { question in
            if rights.isOut { return .failure(AccessUnavailable()) }
            switch question {
            case .key(let key): return .success(rights.owner(of: key))
            case .use(let identity, let channel):
                return .success(rights.allows(identity.thing, channel) ? identity : nil)
            }
        }
    }
}
