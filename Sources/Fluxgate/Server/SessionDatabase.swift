internal import Foundation
package import Logging
package import MQTTAdapter
internal import MQTTSession
package import Messaging
package import Model
package import SQL
internal import ServiceLifecycle
internal import Synchronization

/// The sessions of one process, in a database. Which there are, and who has them, is in memory.
package final class SessionDatabase: SessionStore, Service {
    private typealias Take = @Sendable () -> Void

    /// What is known of a session without reading it.
    private struct Entry {
        var tenant: Tenant.ID?
        /// Those that the log keeps for it.
        var channels: Set<ChannelID> = []
        /// The groups that wait for it too.
        var groups: Set<SharedGroup> = []
        /// Those that its thing lost while a connection has it.
        var lost: Set<ChannelID> = []
        /// Whether its thing is gone, while a connection has it.
        var isOver = false
        /// Nanoseconds since 1970; nil while a connection has it.
        var expires: UInt64?
        /// Who want it next.
        var waiting: [Take] = []
    }

    private struct State {
        private(set) var things: [Thing.ID: [ExactText: Entry]] = [:]

        subscript(client: MQTTClient) -> Entry? {
            get { things[client.thing]?[client.clientID] }
            set {
                things[client.thing, default: [:]][client.clientID] = newValue
                if things[client.thing]?.isEmpty == true { things[client.thing] = nil }
            }
        }

        func clients() -> [MQTTClient] { things.keys.flatMap(clients) }

        func clients(expiredAt time: UInt64) -> [MQTTClient] {
            var expired: [MQTTClient] = []
            for (thing, entries) in things {
                for (clientID, entry) in entries where entry.expires.map({ $0 <= time }) ?? false {
                    expired.append(MQTTClient(thing: thing, clientID: clientID))
                }
            }
            return expired
        }

        func clients(of thing: Thing.ID) -> [MQTTClient] {
            things[thing]?.keys.map { MQTTClient(thing: thing, clientID: $0) } ?? []
        }
    }

    private let log: any MessageLog
    private let shared: SharedQueues?
    private let rows: SessionRows
    private let state = Mutex(State())
    private let maximumOfThing: Int
    private let now: @Sendable () -> UInt64

    /// - Parameters:
    ///   - database: for the sessions alone.
    ///   - shared: nil if there are no shared subscriptions.
    ///   - maximumOfThing: most sessions of one thing.
    ///   - now: nanoseconds since 1970.
    package init(
        _ database: any SQLDatabase,
        log: any MessageLog,
        shared: SharedQueues? = nil,
        maximumOfThing: Int,
        topics: MQTTTopics = .ofChannels,
        logger: Logger,
        now: @escaping @Sendable () -> UInt64 = { UInt64(max(0, Date.now.timeIntervalSince1970 * 1e9)) }
    ) async throws {
        self.log = log
        self.shared = shared
        self.maximumOfThing = maximumOfThing
        self.now = now
        rows = SessionRows(database, topics: topics, logger: logger)
        for found in try await rows.prepare(at: now(), stored: { try await log.exchanges(of: $0, on: nil, after: 0) }) {
            let channels = found.record.loggedChannels
            for channel in channels { log.keep(channel) }
            let groups = found.record.groups
            for (group, place) in groups { shared?.hold(group, from: place) }
            state.withLock {
                $0[found.record.client] = Entry(
                    tenant: found.record.tenant,
                    channels: channels,
                    groups: Set(groups.keys),
                    expires: found.expires
                )
            }
        }
    }

    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while (try? await Task.sleep(for: .seconds(1))) != nil { self.removeOld() }
            }
            await rows.run()
            group.cancelAll()
        }
    }

    /// Removes the sessions whose time is over.
    package func removeOld() {
        let time = now()
        state.withLock { state in
            for client in state.clients(expiredAt: time) { remove(client, from: &state) }
        }
    }

    // MARK: SessionStore

    package func mayHave(_ client: MQTTClient) -> Bool { state.withLock { $0[client] != nil } }

    package func take(
        _ client: MQTTClient,
        of tenant: Tenant.ID?,
        isWanted: Bool,
        isMade: Bool,
        then: @escaping @Sendable (Result<SessionRecord?, SessionStoreError>) -> Void
    ) {
        // When the session would have been over that is to be gone on with.
        var former: UInt64?
        let answer = state.withLock { state -> Result<SessionRecord?, SessionStoreError>? in
            if let entry = state[client] {
                guard let expires = entry.expires else {
                    state[client]?.waiting.append { [weak self] in
                        guard let self else { return then(.failure(.unavailable)) }
                        self.take(client, of: tenant, isWanted: isWanted, isMade: isMade, then: then)
                    }
                    return nil
                }
                guard !isWanted || expires <= now() else {
                    state[client]?.expires = nil
                    former = expires
                    return nil
                }
                remove(client, from: &state)
            }
            guard isMade else { return .success(nil) }
            guard state.things[client.thing]?.count ?? 0 < maximumOfThing else { return .failure(.tooMany) }
            state[client] = Entry(tenant: tenant)
            return .success(nil)
        }
        if let answer { return then(answer) }
        guard let former else { return }
        // Its answer takes the lock.
        rows.load(client) { [weak self] found in
            self?.loaded(client, found, isMade: isMade, expires: former, then)
        }
    }

    private func loaded(
        _ client: MQTTClient,
        _ found: Result<SessionRecord?, SessionStoreError>,
        isMade: Bool,
        expires: UInt64,
        _ then: @Sendable (Result<SessionRecord?, SessionStoreError>) -> Void
    ) {
        switch found {
        case .success(let record?):
            state.withLock { state in
                guard var entry = state[client] else { return }
                adopt(record, &entry)
                state[client] = entry
            }
        case .success(nil) where isMade: break
        // There is none after all: it could never be written.
        case .success(nil): free(client) { _ in false }
        case .failure:
            free(client) { entry in
                entry.expires = expires
                return true
            }
        }
        then(found)
    }

    package func expect(_ channel: ChannelID, for client: MQTTClient) {
        state.withLock { state in
            state[client]?.lost.remove(channel)
            if state[client]?.channels.insert(channel).inserted == true { log.keep(channel) }
        }
    }

    package func keep(_ record: SessionRecord, then: @escaping @Sendable (Bool) -> Void) {
        let isOver = state.withLock { state in
            guard var entry = state[record.client], !entry.isOver else { return true }
            adopt(record, &entry)
            state[record.client] = entry
            rows.put(record, expires: nil, then: then)
            return false
        }
        // Its connection is about to end.
        if isOver { then(true) }
    }

    package func giveBack(_ client: MQTTClient, _ record: SessionRecord?, then: @escaping @Sendable (Bool) -> Void) {
        var isPut = false
        free(client) { entry in
            guard var record, !entry.isOver else { return false }
            record.subscriptions.removeAll { entry.lost.contains($0.filter.channel) }
            entry.lost = []
            adopt(record, &entry)
            let expires = record.end(at: now())
            entry.expires = expires
            rows.put(record, expires: expires, then: then)
            isPut = true
            return true
        }
        if !isPut { rows.whenWritten { then(true) } }
    }

    /// Nobody has the session any more; who waits for it may try.
    ///
    /// - Parameter change: answers whether it goes on.
    private func free(_ client: MQTTClient, _ change: (inout Entry) -> Bool) {
        let waiting = state.withLock { state -> [Take] in
            guard var entry = state[client], entry.expires == nil else { return [] }
            let waiting = entry.waiting
            entry.waiting = []
            let goesOn = change(&entry)
            state[client] = entry
            if !goesOn { remove(client, from: &state) }
            return waiting
        }
        for take in waiting { take() }
    }

    private func adopt(_ record: SessionRecord, _ entry: inout Entry) {
        entry.tenant = record.tenant
        let channels = record.loggedChannels
        for channel in channels.subtracting(entry.channels) { log.keep(channel) }
        for channel in entry.channels.subtracting(channels) { log.forget(channel) }
        entry.channels = channels
        let groups = record.groups
        for (group, place) in groups where !entry.groups.contains(group) { shared?.hold(group, from: place) }
        for group in entry.groups where groups[group] == nil { shared?.release(group) }
        entry.groups = Set(groups.keys)
    }

    private func remove(_ client: MQTTClient, from state: inout State) {
        for channel in state[client]?.channels ?? [] { log.forget(channel) }
        for group in state[client]?.groups ?? [] { shared?.release(group) }
        state[client] = nil
        rows.remove(client)
    }

    // MARK: Rights

    /// Takes from the sessions what their things may no longer have.
    package func apply(_ event: AccessEvent) {
        state.withLock { state in
            switch event {
            case .keyChanged: break
            case .thingRemoved(let thing): for client in state.clients(of: thing) { end(client, in: &state) }
            case .tenantRemoved(let tenant):
                for client in state.clients() where state[client]?.tenant == tenant { end(client, in: &state) }
            case .disconnected(let thing, let channel):
                for client in state.clients(of: thing) { cut(channel, from: client, in: &state) }
            case .channelRemoved(let channel):
                for client in state.clients() { cut(channel, from: client, in: &state) }
            }
        }
    }

    private func end(_ client: MQTTClient, in state: inout State) {
        if state[client]?.expires == nil { state[client]?.isOver = true } else { remove(client, from: &state) }
    }

    private func cut(_ channel: ChannelID, from client: MQTTClient, in state: inout State) {
        guard var entry = state[client] else { return }
        let groups = entry.groups.filter { $0.filter.channel == channel }
        guard entry.channels.contains(channel) || !groups.isEmpty else { return }
        if let expires = entry.expires {
            if entry.channels.remove(channel) != nil { log.forget(channel) }
            for group in groups { shared?.release(group) }
            entry.groups.subtract(groups)
            rows.change(client, expires: expires) { $0.subscriptions.removeAll { $0.filter.channel == channel } }
        } else {
            entry.lost.insert(channel)
        }
        state[client] = entry
    }
}
