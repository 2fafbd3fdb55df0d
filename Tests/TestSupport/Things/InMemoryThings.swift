package import Model
internal import Synchronization
package import ThingsCore

/// Things, channels and connections in memory: the second implementation of every port of the things service.
package final class InMemoryThings: Sendable {
    fileprivate struct State {
        var things: [Thing.ID: Versioned<Thing>] = [:]
        var channels: [Channel.ID: Versioned<Channel>] = [:]
        var connections: Set<Connection> = []
        var outbox: [ThingsEvent] = []
        var told: Int64 = 0
    }

    fileprivate let state = Mutex(State())
    fileprivate let limits: TenantLimits

    package init(limits: TenantLimits = TenantLimits()) { self.limits = limits }

    package var repositories: ThingsRepositories {
        ThingsRepositories(
            things: ThingsInMemory(store: self),
            channels: ChannelsInMemory(store: self),
            connections: self,
            access: self,
            outbox: self
        )
    }
}

extension InMemoryThings: ConnectionRepository {
    package func connect(_ connections: Connections, of tenant: Tenant.ID, telling events: [ThingsEvent]) async throws {
        try state.withLock { state in
            let owned =
                connections.things.allSatisfy { state.things[$0]?.value.tenant == tenant }
                && connections.channels.allSatisfy { state.channels[$0]?.value.tenant == tenant }
            guard owned else { throw ThingsError.notFound }
            guard state.connections.isDisjoint(with: connections.pairs) else { throw ThingsError.alreadyConnected }
            state.connections.formUnion(connections.pairs)
            state.outbox += events
        }
    }

    package func disconnect(_ connections: Connections, of tenant: Tenant.ID, telling events: [ThingsEvent])
        async throws
    {
        try state.withLock { state in
            let owned = connections.channels.allSatisfy { state.channels[$0]?.value.tenant == tenant }
            guard owned, state.connections.isSuperset(of: connections.pairs) else { throw ThingsError.notFound }
            state.connections.subtract(connections.pairs)
            state.outbox += events
        }
    }

    package func removeAll(of tenant: Tenant.ID, telling events: [ThingsEvent]) async throws -> Bool {
        state.withLock { state in
            let before = state.things.count + state.channels.count
            state.outbox += events
            state.things = state.things.filter { $0.value.value.tenant != tenant }
            state.channels = state.channels.filter { $0.value.value.tenant != tenant }
            state.forgetLooseConnections()
            return state.things.count + state.channels.count < before
        }
    }
}

extension InMemoryThings: AccessRepository {
    package func identify(_ key: ThingKey) async throws -> ThingIdentity? {
        state.withLock { $0.identity { $0.key == key } }
    }

    package func identity(of thing: Thing.ID, using channel: Channel.ID) async throws -> ThingIdentity? {
        state.withLock { state in
            let connected = state.connections.contains(Connection(thing: thing, channel: channel))
            return connected ? state.identity { $0.id == thing } : nil
        }
    }

    package func identities(_ inquiries: [AccessInquiry]) async throws -> [ThingIdentity?] {
        var answers: [ThingIdentity?] = []
        for inquiry in inquiries {
            switch inquiry {
            case .key(let key): answers.append(try await identify(key))
            case .use(let use): answers.append(try await identity(of: use.thing, using: use.channel))
            }
        }
        return answers
    }

    package func identity(of key: ThingKey, using channel: Channel.ID) async throws -> ThingIdentity? {
        state.withLock { state in
            let identity = state.identity { $0.key == key }
            return identity.flatMap {
                state.connections.contains(Connection(thing: $0.thing, channel: channel)) ? $0 : nil
            }
        }
    }
}

extension InMemoryThings: EventOutbox {
    /// Under the lock: rounds follow each other.
    package func relay(_ send: @escaping @Sendable (OutboxRound) throws -> Void) async throws -> Bool {
        try state.withLock { state in
            var newest = state.told
            let events = state.outbox.map { event in
                let event = OutboxEvent(after: newest, members: event.members, trace: nil)
                newest = event.position
                return event
            }
            try send(OutboxRound(events: events, newest: newest, isAll: true, began: .now))
            state.told = newest
            state.outbox = []
            return true
        }
    }
}

extension InMemoryThings.State {
    func identity(of isWanted: (Thing) -> Bool) -> ThingIdentity? {
        things.values.first { isWanted($0.value) }.map { ThingIdentity(thing: $0.value.id, tenant: $0.value.tenant) }
    }

    /// Throws ``ThingsError/limitReached(_:_:)`` if the added ones and what each owner has of them are more.
    func admit(_ added: [Tenant.ID], beside existing: [Tenant.ID], _ owned: Owned, upTo limit: Int?) throws {
        guard let limit else { return }
        for tenant in Set(added) {
            let total = (existing + added).count { $0 == tenant }
            guard total <= limit else { throw ThingsError.limitReached(owned, limit) }
        }
    }

    mutating func forgetLooseConnections() {
        connections = connections.filter { things[$0.thing] != nil && channels[$0.channel] != nil }
    }
}

private struct ThingsInMemory: ThingRepository {
    let store: InMemoryThings

    func add(_ added: [Thing], telling events: [ThingsEvent]) async throws {
        try store.state.withLock { state in
            let owners = state.things.values.map(\.value.tenant)
            try state.admit(added.map(\.tenant), beside: owners, .things, upTo: store.limits.things)
            var keys = Set(state.things.values.map(\.value.key.secret.revealed))
            for thing in added {
                guard keys.insert(thing.key.secret.revealed).inserted else { throw ThingsError.keyInUse }
            }
            for thing in added { state.things[thing.id] = Versioned(thing, revision: 1) }
            state.outbox += events
        }
    }

    func find(_ id: Thing.ID, of tenant: Tenant.ID) async throws -> Versioned<Thing>? {
        store.state.withLock { $0.things[id] }.flatMap { $0.value.tenant == tenant ? $0 : nil }
    }

    func list(_ selection: Selection<Channel>, _ page: PageRequest, of tenant: Tenant.ID) async throws -> Page<Thing> {
        store.state.withLock { state in
            let owned = state.things.values.map(\.value).filter { $0.tenant == tenant }
            switch selection {
            case .matching(let filter): return owned.filter { filter.takes($0.name, $0.metadata) }.page(page, by: \.id)
            case .connected(let channel):
                let ids = Set(state.connections.filter { $0.channel == channel }.map(\.thing))
                return owned.filter { ids.contains($0.id) }.page(page, by: \.id)
            }
        }
    }

    func change(
        _ id: Thing.ID,
        _ change: ThingChange,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Revision {
        try store.state.withLock { state in
            guard let found = state.things[id], found.value.tenant == tenant else { throw ThingsError.notFound }
            guard precondition.allows(found.revision) else { throw ThingsError.changedMeanwhile }
            var thing = found.value
            switch change {
            case .details(let details):
                thing.name = details.name
                thing.metadata = details.metadata
            case .key(let key):
                let isTaken = state.things.values.contains { $0.value.key == key && $0.value.id != id }
                guard !isTaken else { throw ThingsError.keyInUse }
                thing.key = key
            }
            state.things[id] = Versioned(thing, revision: found.revision + 1)
            state.outbox += events
            return found.revision + 1
        }
    }

    func remove(
        _ id: Thing.ID,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Bool {
        try store.state.withLock { state in
            let found = state.things[id].flatMap { $0.value.tenant == tenant ? $0 : nil }
            guard precondition.allows(found?.revision) else { throw ThingsError.changedMeanwhile }
            guard found != nil else { return false }
            state.things[id] = nil
            state.outbox += events
            state.forgetLooseConnections()
            return true
        }
    }
}

private struct ChannelsInMemory: ChannelRepository {
    let store: InMemoryThings

    func add(_ added: [Channel], telling events: [ThingsEvent]) async throws {
        try store.state.withLock { state in
            let owners = state.channels.values.map(\.value.tenant)
            try state.admit(added.map(\.tenant), beside: owners, .channels, upTo: store.limits.channels)
            for channel in added { state.channels[channel.id] = Versioned(channel, revision: 1) }
            state.outbox += events
        }
    }

    func find(_ id: Channel.ID, of tenant: Tenant.ID) async throws -> Versioned<Channel>? {
        store.state.withLock { $0.channels[id] }.flatMap { $0.value.tenant == tenant ? $0 : nil }
    }

    func list(_ selection: Selection<Thing>, _ page: PageRequest, of tenant: Tenant.ID) async throws -> Page<Channel> {
        store.state.withLock { state in
            let owned = state.channels.values.map(\.value).filter { $0.tenant == tenant }
            switch selection {
            case .matching(let filter): return owned.filter { filter.takes($0.name, $0.metadata) }.page(page, by: \.id)
            case .connected(let thing):
                let ids = Set(state.connections.filter { $0.thing == thing }.map(\.channel))
                return owned.filter { ids.contains($0.id) }.page(page, by: \.id)
            }
        }
    }

    func change(
        _ id: Channel.ID,
        _ details: Details,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Revision {
        try store.state.withLock { state in
            guard let found = state.channels[id], found.value.tenant == tenant else { throw ThingsError.notFound }
            guard precondition.allows(found.revision) else { throw ThingsError.changedMeanwhile }
            var channel = found.value
            channel.name = details.name
            channel.metadata = details.metadata
            state.channels[id] = Versioned(channel, revision: found.revision + 1)
            state.outbox += events
            return found.revision + 1
        }
    }

    func remove(
        _ id: Channel.ID,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Bool {
        try store.state.withLock { state in
            let found = state.channels[id].flatMap { $0.value.tenant == tenant ? $0 : nil }
            guard precondition.allows(found?.revision) else { throw ThingsError.changedMeanwhile }
            guard found != nil else { return false }
            state.channels[id] = nil
            state.outbox += events
            state.forgetLooseConnections()
            return true
        }
    }
}

extension ListFilter {
    fileprivate func takes(_ name: String, _ metadata: JSONObject) -> Bool {
        (self.name.isEmpty || name.lowercased().contains(self.name.lowercased()))
            && JSONValue.object(metadata).contains(.object(self.metadata))
    }
}

extension Array where Element: Sendable {
    fileprivate func page<ID: Comparable>(_ page: PageRequest, by id: (Element) -> ID) -> Page<Element> {
        let items = sorted { id($0) < id($1) }.dropFirst(page.offset).prefix(page.limit)
        return Page(total: count, request: page, items: Array(items))
    }
}
