internal import Crypto
internal import Foundation
package import Logging
package import MQTTAdapter
internal import MQTTSession
internal import Messaging
package import Model
package import NATSBus
internal import NIOCore
internal import Synchronization

/// The sessions of several programs, in a bucket between them. Who has a session is written in it, and every change is made over the one
/// before: who was taken for dead and isn't changes nothing any more.
package final class SessionBucket: SessionStore {
    /// A session that a connection here has, or is about to take.
    private struct Held {
        let tenant: Tenant.ID?
        var revision: UInt64 = 0
        /// Those that the log keeps for it.
        var channels: Set<ChannelID> = []
        /// Those that its thing lost meanwhile.
        var lost: Set<ChannelID> = []
        /// Whether its thing is gone.
        var isOver = false
        /// What is being done with it; one thing after the other.
        var last: Task<Void, Never>?
        /// Who want it next.
        var waiting: [@Sendable () -> Void] = []
    }

    /// How long another program may take to give a session back.
    private static let patience = Duration.seconds(8)
    /// How often a session is tried for that others change.
    private static let attempts = 8

    private let bucket: KeyValueBucket
    private let log: StreamLog
    private let connection: NATSConnection
    private let maximumOfThing: Int
    private let logger: Logger
    private let now: @Sendable () -> UInt64
    private let isWanted: @Sendable (MQTTClient) -> Void
    private let own = "\(UniqueID.random())"
    private let held = Mutex<[MQTTClient: Held]>([:])
    /// Kept in the log for each that is held, so that this is followed.
    private let anyChannel = ChannelID.random()
    /// What is being taken from sessions of things whose clients are away.
    private let cuts = Mutex<(last: UInt64, tasks: [Thing.ID: (number: UInt64, task: Task<Void, Never>)])>((0, [:]))

    /// - Parameters:
    ///   - maximumOfThing: most sessions of one thing.
    ///   - now: nanoseconds since 1970.
    ///   - isWanted: called when another program wants a client's session, or has taken it.
    package init(
        _ bucket: KeyValueBucket,
        log: StreamLog,
        on connection: NATSConnection,
        maximumOfThing: Int,
        logger: Logger,
        now: @escaping @Sendable () -> UInt64 = { UInt64(max(0, Date.now.timeIntervalSince1970 * 1e9)) },
        isWanted: @escaping @Sendable (MQTTClient) -> Void
    ) {
        self.bucket = bucket
        self.log = log
        self.connection = connection
        self.maximumOfThing = maximumOfThing
        self.logger = logger
        self.now = now
        self.isWanted = isWanted
        connection.subscribe(.init(Self.subject(of: own)), NATSReceiver { [weak self] in self?.asked($0) })
    }

    /// Waits until what was given back is written, if that doesn't take too long.
    package func close(within time: Duration) {
        let deadline = ContinuousClock.now + time
        while !held.withLock({ $0.isEmpty }), ContinuousClock.now < deadline { Thread.sleep(forTimeInterval: 0.01) }
    }

    // MARK: SessionStore

    package func mayHave(_ client: MQTTClient) -> Bool { true }

    package func take(
        _ client: MQTTClient,
        of tenant: Tenant.ID?,
        isWanted: Bool,
        isMade: Bool,
        then: @escaping @Sendable (Result<SessionRecord?, SessionStoreError>) -> Void
    ) {
        let isFree = held.withLock { held in
            guard held[client] == nil else {
                held[client]?.waiting.append { [weak self] in
                    guard let self else { return then(.failure(.unavailable)) }
                    self.take(client, of: tenant, isWanted: isWanted, isMade: isMade, then: then)
                }
                return false
            }
            held[client] = Held(tenant: tenant)
            return true
        }
        guard isFree else { return }
        Task {
            do throws(SessionStoreError) {
                let record = try await acquire(client, of: tenant, isWanted: isWanted, isMade: isMade)
                if record == nil, !isMade { free(client) }
                then(.success(record))
            } catch {
                free(client)
                // Who wants none needn't be sent away because nobody knows whether there is an old one.
                then(error == .unavailable && !isMade ? .success(nil) : .failure(error))
            }
        }
    }

    package func expect(_ channel: ChannelID, for client: MQTTClient) {
        held.withLock { held in
            held[client]?.lost.remove(channel)
            if held[client]?.channels.insert(channel).inserted == true { log.keep(channel) }
        }
    }

    package func keep(_ record: SessionRecord, then: @escaping @Sendable (Bool) -> Void) {
        follow(record.client) { then(await self.write(record, ends: nil)) }
    }

    package func giveBack(_ client: MQTTClient, _ record: SessionRecord?, then: @escaping @Sendable (Bool) -> Void) {
        follow(client) {
            let isSafe: Bool
            if let record, let left = self.left(of: record) {
                isSafe = await self.write(left, ends: left.end(at: self.now()))
            } else {
                isSafe = await self.remove(client)
            }
            self.free(client)
            then(isSafe)
        }
    }

    /// Without what its thing has lost; nil if that is gone.
    private func left(of record: SessionRecord) -> SessionRecord? {
        held.withLock { held in
            guard let entry = held[record.client], !entry.isOver else { return nil }
            var record = record
            // It is as it was found.
            if record.isTorn { record.session.tear() }
            record.subscriptions.removeAll { entry.lost.contains($0.filter.channel) }
            return record
        }
    }

    /// Does something with a client's session behind what is being done with it.
    private func follow(_ client: MQTTClient, _ work: @escaping @Sendable () async -> Void) {
        held.withLock { held in
            let last = held[client]?.last
            let task = Task {
                await last?.value
                await work()
            }
            held[client]?.last = task
        }
    }

    /// Nobody here has the session any more.
    private func free(_ client: MQTTClient) {
        let entry = held.withLock { $0.removeValue(forKey: client) }
        for channel in entry?.channels ?? [] { log.forget(channel) }
        for next in entry?.waiting ?? [] { next() }
    }

    // MARK: Taking

    private enum Outcome {
        case taken(SessionRecord?)
        case tooMany
        /// Somebody else has changed it.
        case again
    }

    private func acquire(
        _ client: MQTTClient,
        of tenant: Tenant.ID?,
        isWanted: Bool,
        isMade: Bool
    ) async throws(SessionStoreError) -> SessionRecord? {
        await waitForCuts(of: client.thing)
        var asked: UInt64?
        for _ in 0..<Self.attempts {
            let outcome: Outcome
            do throws(KeyValueBucket.Failure) {
                outcome = try await attempt(client, tenant, isWanted: isWanted, isMade: isMade, asked: &asked)
            } catch {
                guard case .unavailable(let reason) = error else { continue }
                logger.warning("a session can't be taken", metadata: ["reason": "\(reason)"])
                throw .unavailable
            }
            switch outcome {
            case .taken(let record): return record
            case .tooMany: throw .tooMany
            case .again: break
            }
        }
        throw .unavailable
    }

    /// - Parameter asked: at which revision its owner was asked for it.
    private func attempt(
        _ client: MQTTClient,
        _ tenant: Tenant.ID?,
        isWanted: Bool,
        isMade: Bool,
        asked: inout UInt64?
    ) async throws(KeyValueBucket.Failure) -> Outcome {
        let key = Self.key(of: client)
        let found = try await bucket.get(key)
        let stored = found.flatMap { StoredEntry($0.value) }
        if let found, let owner = stored?.owner, owner != own, asked != found.revision {
            await release(client, by: owner)
            // If it is as it was then, its owner is gone.
            asked = found.revision
            return .again
        }
        let isLeft = stored?.ends.map { $0 > now() } ?? true
        var former = isWanted && isLeft ? stored?.record(of: client) : nil
        former?.isTorn = stored?.owner != nil
        guard former != nil || isMade else {
            if let found { try await bucket.remove(key, upTo: found.revision) }
            return .taken(nil)
        }
        if found == nil {
            guard try await hasRoom(client.thing) else { return .tooMany }
        }
        // What is stored from now on is heard of before it is asked how far the log is.
        let isFollowing = await withCheckedContinuation { done in log.whenFollowing { done.resume(returning: $0) } }
        guard isFollowing, await log.hasCaughtUp(), let tenant = former?.tenant ?? tenant else {
            throw .unavailable("no log")
        }
        if let taken = former, !taken.isTorn, taken.session.unknown == nil { former?.place = log.newest }
        let entry = StoredEntry(client, tenant, former, owner: own, ends: nil)
        let revision = try await bucket.put(entry.encoded, for: key, over: found?.revision ?? 0)
        held.withLock { held in
            held[client]?.revision = revision
            if held[client]?.channels.insert(anyChannel).inserted == true { log.keep(anyChannel) }
        }
        if let former { adopt(former) }
        return .taken(former)
    }

    /// Whether a thing may have a session more; those that are over make room.
    private func hasRoom(_ thing: Thing.ID) async throws(KeyValueBucket.Failure) -> Bool {
        let keys = try await bucket.keys(below: Self.key(of: thing))
        var count = keys.count
        guard count >= maximumOfThing else { return true }
        for key in keys {
            guard let found = try await bucket.get(key), let ends = StoredEntry(found.value)?.ends, ends <= now() else {
                continue
            }
            try await bucket.remove(key, upTo: found.revision)
            count -= 1
        }
        return count < maximumOfThing
    }

    /// Has the program that has a session end its connection, and waits until it has given the session back, or isn't there.
    private func release(_ client: MQTTClient, by owner: String) async {
        _ = try? await connection.request(
            ClientName(client).encoded,
            to: Self.subject(of: owner),
            timeout: Self.patience
        )
    }

    /// Another program wants a client's session.
    private func asked(_ incoming: NATSMessage) {
        guard let reply = incoming.reply, let client = ClientName(incoming.payload)?.mqttClient else { return }
        let answer: @Sendable () -> Void = { [connection] in connection.post(ByteBuffer(), to: reply) }
        let isHeld = held.withLock { held in
            held[client]?.waiting.append(answer)
            return held[client] != nil
        }
        if isHeld { isWanted(client) } else { answer() }
    }

    // MARK: Writing

    private func write(_ record: SessionRecord, ends: UInt64?) async -> Bool {
        let entry = StoredEntry(record.client, record.tenant, record, owner: ends == nil ? own : nil, ends: ends)
        guard let revision = held.withLock({ $0[record.client]?.revision }) else { return false }
        do {
            let next = try await bucket.put(entry.encoded, for: Self.key(of: record.client), over: revision)
            held.withLock { $0[record.client]?.revision = next }
            adopt(record)
            return true
        } catch {
            logger.warning("a session isn't kept", metadata: ["reason": "\(error)"])
            // Another program has taken it.
            if error == .overtaken { isWanted(record.client) }
            return false
        }
    }

    private func remove(_ client: MQTTClient) async -> Bool {
        guard let revision = held.withLock({ $0[client]?.revision }) else { return false }
        do {
            try await bucket.remove(Self.key(of: client), upTo: revision)
            return true
        } catch {
            return false
        }
    }

    /// Has the log keep what the session reads, and that alone.
    private func adopt(_ record: SessionRecord) {
        held.withLock { held in
            guard let before = held[record.client]?.channels else { return }
            let channels = record.loggedChannels.union([anyChannel])
            for channel in channels.subtracting(before) { log.keep(channel) }
            for channel in before.subtracting(channels) { log.forget(channel) }
            held[record.client]?.channels = channels
        }
    }

    // MARK: Rights

    /// Takes from the sessions what their things may no longer have. What is gone for good is refused when a client comes back.
    package func apply(_ event: AccessEvent) {
        held.withLock { held in
            for client in held.keys {
                switch event {
                case .thingRemoved(client.thing): held[client]?.isOver = true
                case .tenantRemoved(let tenant) where held[client]?.tenant == tenant: held[client]?.isOver = true
                case .disconnected(client.thing, let channel), .channelRemoved(let channel):
                    held[client]?.lost.insert(channel)
                default: break
                }
            }
        }
        switch event {
        case .thingRemoved(let thing): cut(thing) { _ in nil }
        case .disconnected(let thing, let channel):
            cut(thing) { record in
                var record = record
                record.subscriptions.removeAll { $0.filter.channel == channel }
                return record
            }
        case .keyChanged, .tenantRemoved, .channelRemoved: break
        }
    }

    private func cut(_ thing: Thing.ID, _ change: @escaping @Sendable (SessionRecord) -> SessionRecord?) {
        cuts.withLock { cuts in
            cuts.last += 1
            let (number, before) = (cuts.last, cuts.tasks[thing]?.task)
            let task = Task {
                await before?.value
                await self.change(thing, change)
                self.cuts.withLock { if $0.tasks[thing]?.number == number { $0.tasks[thing] = nil } }
            }
            cuts.tasks[thing] = (number, task)
        }
    }

    /// Waits until what the thing has lost is taken from its sessions.
    private func waitForCuts(of thing: Thing.ID) async {
        await cuts.withLock { $0.tasks[thing]?.task }?.value
    }

    /// Changes the sessions of a thing whose clients are away; all programs do, and one is the first.
    private func change(_ thing: Thing.ID, _ change: (SessionRecord) -> SessionRecord?) async {
        do {
            for key in try await bucket.keys(below: Self.key(of: thing)) {
                guard let found = try await bucket.get(key), let stored = StoredEntry(found.value),
                    stored.owner == nil,
                    let record = stored.record(of: MQTTClient(thing: thing, clientID: ExactText(stored.client)))
                else { continue }
                guard let changed = change(record) else {
                    try await bucket.remove(key, upTo: found.revision)
                    continue
                }
                guard changed != record else { continue }
                let entry = StoredEntry(record.client, record.tenant, changed, owner: nil, ends: stored.ends)
                do throws(KeyValueBucket.Failure) {
                    _ = try await bucket.put(entry.encoded, for: key, over: found.revision)
                } catch .overtaken {
                    // Its client has come, and what it may not have isn't given to it; or another program was the first.
                }
            }
        } catch {
            logger.error("a right isn't taken from sessions", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: Names

    private static func subject(of program: String) -> String { "fluxgate.mqtt.sessions.\(program)" }

    private static func key(of thing: Thing.ID) -> String { "\(thing)" }

    /// Client identifiers may hold anything.
    private static func key(of client: MQTTClient) -> String {
        let digest = SHA256.hash(data: Data(client.clientID.text.utf8))
        return "\(client.thing)." + Array(digest.prefix(16)).hexadecimal
    }
}
