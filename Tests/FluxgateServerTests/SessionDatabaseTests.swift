import FluxgateServer
import Logging
import MQTTAdapter
import MQTTSession
import Messaging
import Model
import SQL
import Synchronization
import TestSupport
import Testing

/// Where sessions are while their clients are away.
@Suite(.timeLimit(.minutes(1))) struct SessionDatabaseTests {
    private let database: TemporarySQLite
    private let log = Log()
    private let clock = Clock()
    private let client = MQTTClient(thing: .random(), clientID: "c")
    private let tenant = Tenant.ID.random()
    private let channels: [ChannelID] = [.random(), .random()]

    init() throws { database = try TemporarySQLite() }

    private final class Clock: Sendable {
        let now = Mutex<UInt64>(1_000_000_000_000)
        func pass(_ seconds: UInt64) { now.withLock { $0 += seconds * 1_000_000_000 } }
    }

    /// Which channels are kept.
    private final class Log: MessageLog {
        let kept = Mutex<[ChannelID: Int]>([:])
        /// Exchanges by origin.
        let stored = Mutex<[UInt64: [UInt64]]>([:])
        var channels: [ChannelID: Int] { kept.withLock { $0 } }
        var newest: UInt64 { 0 }
        func keep(_ channel: ChannelID) { kept.withLock { $0[channel, default: 0] += 1 } }
        func forget(_ channel: ChannelID) {
            kept.withLock { $0[channel] = $0[channel] == 1 ? nil : $0[channel, default: 0] - 1 }
        }
        func read(_: [ChannelID], after: UInt64, limit: Int, then: @escaping @Sendable (LogPage?) -> Void) { then(nil) }
        func read(at: [UInt64], then: @escaping @Sendable ([UInt64: Message]?) -> Void) { then(nil) }
        func count(_: [ChannelID], after: UInt64, then: @escaping @Sendable (Int?) -> Void) { then(0) }
        func follow(_ receiver: any LogReceiver) {}
        func exchanges(of origin: UInt64, on topic: Topic?, after place: UInt64) -> [UInt64] {
            stored.withLock { $0[origin] ?? [] }
        }
    }

    private func running(_ body: (SessionDatabase) async throws -> Void) async throws {
        let store = try await SessionDatabase(
            database,
            log: log,
            maximumOfThing: 2,
            logger: Logger(label: "test"),
            now: { [clock] in clock.now.withLock { $0 } }
        )
        let service = Task { await store.run() }
        try await body(store)
        service.cancel()
        await service.value
        log.kept.withLock { $0 = [:] }
    }

    private func record(_ place: UInt64 = 5, expiry: UInt32 = 60) throws -> SessionRecord {
        var session = KeptSession(from: place)
        session.inFlight = [.init(place: .max, packetID: 3, stage: .pubcomp)]
        session.unreleased = [1, .max]
        var record = SessionRecord(client: client, tenant: tenant, origin: .max, session: session, expiry: expiry)
        record.subscriptions = try channels.map { channel in
            let text = "channels/\(channel)/messages/+/#"
            return KeptSubscription(
                filter: try MQTTTopicParser.filter(text),
                text: text,
                qos: 2,
                noLocal: true,
                retainAsPublished: true,
                identifier: 268_435_455,
                from: .max
            )
        }
        return record
    }

    private func take(
        _ store: SessionDatabase,
        _ client: MQTTClient? = nil,
        isWanted: Bool = true,
        isMade: Bool = false
    ) async throws -> SessionRecord? {
        try await withCheckedContinuation { done in
            store.take(client ?? self.client, of: tenant, isWanted: isWanted, isMade: isMade) {
                done.resume(returning: $0)
            }
        }.get()
    }

    @discardableResult
    private func giveBack(_ store: SessionDatabase, _ record: SessionRecord?) async -> Bool {
        await withCheckedContinuation { done in store.giveBack(client, record) { done.resume(returning: $0) } }
    }

    private func keep(_ store: SessionDatabase, _ record: SessionRecord) async -> Bool {
        await withCheckedContinuation { done in store.keep(record) { done.resume(returning: $0) } }
    }

    @Test func whatIsGivenBackIsFoundAlsoAfterARestart() async throws {
        let record = try record()
        try await running { store async throws in
            #expect(!store.mayHave(client))
            #expect(try await take(store, isMade: true) == nil)
            await giveBack(store, record)
            #expect(try await take(store) == record)
            await giveBack(store, record)
        }
        try await running { store async throws in
            #expect(log.channels.keys.sorted() == channels.sorted())
            #expect(store.mayHave(client))
            #expect(try await take(store) == record)
        }
        // The connection that had it is gone with the process; its time runs from the next start.
        clock.pass(3_600)
        try await running { store async throws in
            #expect(try await take(store) == record)
        }
    }

    /// [MQTT-4.3.3-10]: across a crash.
    @Test func whatWasStoredBeforeACrashCountsAsReceived() async throws {
        func exchange(_ number: UInt64, _ id: UInt16) -> KeptSession.Exchange { .init(number: number, packetID: id) }
        var record = try record()
        record.session.unreleased = [1]
        record.session.begunExchanges = 7
        record.session.routing = [exchange(6, 2), exchange(7, 3)]
        let known = record
        try await running { store async throws in
            _ = try await take(store, isMade: true)
            #expect(await keep(store, known))
        }
        // 5 has ended, 7 was stored, 6 wasn't, and 9 began after all that is known.
        log.stored.withLock { $0[known.origin] = [exchange(5, 4), exchange(7, 3), exchange(9, .max)].map(\.packed) }
        try await running { store async throws in
            let found = try #require(try await take(store))
            #expect(found.session.unreleased == [1, 3, .max] && found.session.begunExchanges == 9)
            #expect(found.session.routing.isEmpty)
            await giveBack(store, found)
        }
        // It was given back: all that is known is known.
        log.stored.withLock { $0[known.origin] = [exchange(10, 9).packed] }
        try await running { store async throws in #expect(try await take(store)?.session.unreleased == [1, 3, .max]) }
    }

    @Test func nobodyHasWhatWasntMade() async throws {
        try await running { store async throws in
            #expect(try await take(store) == nil)
            #expect(!store.mayHave(client))
            #expect(try await take(store) == nil)
        }
    }

    @Test func whoComesWhileItIsTakenWaitsForItsReturn() async throws {
        try await running { store async throws in
            _ = try await take(store, isMade: true)
            let order = Mutex<[Int]>([])
            for number in 1...2 {
                store.take(client, of: tenant, isWanted: true, isMade: true) { found in
                    order.withLock { $0.append(number) }
                    guard case .success(let record?) = found else { return }
                    store.giveBack(client, record) { _ in }
                }
            }
            let early = order.withLock { $0 }
            #expect(early.isEmpty)
            await giveBack(store, try record())
            try await eventually { order.withLock { $0 == [1, 2] } }
        }
    }

    @Test func whatIsntWantedIsRemoved() async throws {
        try await running { store async throws in
            _ = try await take(store, isMade: true)
            await giveBack(store, try record())
            #expect(try await take(store, isWanted: false) == nil)
            #expect(!store.mayHave(client) && log.channels.isEmpty)
            _ = try await take(store, isMade: true)
            await giveBack(store, nil)
            #expect(!store.mayHave(client))
        }
        try await running { store in #expect(!store.mayHave(client)) }
    }

    @Test func itEndsWhenItsTimeIsOver() async throws {
        try await running { store async throws in
            _ = try await take(store, isMade: true)
            clock.pass(1_000)
            store.removeOld()
            #expect(store.mayHave(client))
            await giveBack(store, try record(expiry: 60))
            clock.pass(59)
            store.removeOld()
            #expect(store.mayHave(client))
            clock.pass(1)
            #expect(try await take(store) == nil)
            _ = try await take(store, isMade: true)
            await giveBack(store, try record(expiry: 60))
            clock.pass(60)
            store.removeOld()
            #expect(!store.mayHave(client) && log.channels.isEmpty)
            _ = try await take(store, isMade: true)
            await giveBack(store, try record(expiry: .max))
            clock.pass(1 << 32)
            store.removeOld()
            #expect(store.mayHave(client))
        }
    }

    @Test func aThingHasOnlySoMany() async throws {
        try await running { store async throws in
            for name in ["a", "b"] as [ExactText] {
                _ = try await take(store, MQTTClient(thing: client.thing, clientID: name), isMade: true)
            }
            await #expect(throws: SessionStoreError.tooMany) { try await take(store, isMade: true) }
            #expect(try await take(store, MQTTClient(thing: .random(), clientID: "a"), isMade: true) == nil)
        }
    }

    @Test func theLogKeepsWhatIsSubscribedToFromTheFirstMoment() async throws {
        try await running { store async throws in
            _ = try await take(store, isMade: true)
            for _ in 0..<2 { store.expect(channels[0], for: client) }
            #expect(log.channels == [channels[0]: 1])
            let whole = try record()
            #expect(await keep(store, whole))
            #expect(log.channels == [channels[0]: 1, channels[1]: 1])
            var less = try record()
            less.subscriptions.removeFirst()
            #expect(await keep(store, less))
            #expect(log.channels == [channels[1]: 1])
        }
    }

    @Test(arguments: [false, true]) func rightsThatAreTakenAreTakenFromIt(isTaken: Bool) async throws {
        try await running { store async throws in
            _ = try await take(store, isMade: true)
            let record = try record()
            if !isTaken { await giveBack(store, record) } else { #expect(await keep(store, record)) }
            store.apply(.keyChanged(client.thing))
            store.apply(.disconnected(.random(), channels[0]))
            store.apply(.tenantRemoved(.random()))
            store.apply(.disconnected(client.thing, channels[0]))
            if isTaken { await giveBack(store, record) }
            #expect(try await take(store)?.subscriptions == Array(record.subscriptions.dropFirst()))
            await giveBack(store, record)
            store.apply(.channelRemoved(channels[1]))
            #expect(try await take(store)?.subscriptions == Array(record.subscriptions.prefix(1)))
        }
    }

    @Test(arguments: [false, true]) func itEndsWithItsThingAndItsAccount(isTaken: Bool) async throws {
        try await running { store async throws in
            for event in [AccessEvent.thingRemoved(client.thing), .tenantRemoved(tenant)] {
                _ = try await take(store, isMade: true)
                let record = try record()
                if !isTaken { await giveBack(store, record) } else { #expect(await keep(store, record)) }
                store.apply(event)
                if isTaken { await giveBack(store, record) }
                #expect(!store.mayHave(client) && log.channels.isEmpty)
            }
        }
    }

    @Test func whatCannotBeWrittenIsntSafeAndShutsNobodyOut() async throws {
        try await running { store async throws in
            let record = try record()
            _ = try await take(store, isMade: true)
            try await rename("sessions", "hidden")
            #expect(await keep(store, record) == false)
            #expect(await giveBack(store, record) == false)
            await #expect(throws: SessionStoreError.unavailable) { try await take(store) }
            try await rename("hidden", "sessions")
            // It was never written: there is none.
            #expect(try await take(store, isMade: true) == nil)
            #expect(await giveBack(store, record))
            #expect(try await take(store) == record)
        }
    }

    private func rename(_ name: String, _ other: String) async throws {
        _ = try await database.write { session in try session.execute("ALTER TABLE \(name) RENAME TO \(other)", []) }
    }

    @Test func whoTakesOneThatIsNotThereTakesNothing() async throws {
        try await running { store async throws in
            _ = try await take(store, isMade: true)
            await giveBack(store, try record())
            _ = try await database.write { session in try session.execute("DELETE FROM sessions", []) }
            #expect(try await take(store) == nil)
            #expect(!store.mayHave(client) && log.channels.isEmpty)
        }
    }

    @Test func aSessionThatIsBeingMadeEndsWithItsAccount() async throws {
        try await running { store async throws in
            _ = try await take(store, isMade: true)
            store.apply(.tenantRemoved(tenant))
            await giveBack(store, try record())
            #expect(!store.mayHave(client))
        }
    }
}
