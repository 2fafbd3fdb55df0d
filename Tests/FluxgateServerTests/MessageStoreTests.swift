import FluxgateServer
import Foundation
import Logging
import Messaging
import Model
import SQL
import Synchronization
import TestSupport
import Testing

/// Messages that are kept in one process.
@Suite(.timeLimit(.minutes(1))) struct MessageStoreTests {
    private let database: TemporarySQLite
    private let topic: Topic

    init() throws {
        database = try TemporarySQLite()
        topic = try Topic(channel: .random())
    }

    private final class Outcomes: Sendable {
        private let list = Mutex<[Bool]>([])
        var all: [Bool] { list.withLock { $0 } }
        func add(_ isSafe: Bool) { list.withLock { $0.append(isSafe) } }
    }

    private func running(
        maximumBytes: Int = 1 << 20,
        maximumAge: Duration = .seconds(3_600),
        _ body: (MessageStore) async throws -> Void
    ) async throws {
        let store = try await MessageStore(
            database,
            maximumBytes: maximumBytes,
            maximumAge: maximumAge,
            logger: Logger(label: "test")
        )
        let service = Task { await store.run() }
        try await body(store)
        service.cancel()
        await service.value
    }

    private func message(_ text: String, at created: UInt64? = nil) throws -> Message {
        let now = UInt64(Date.now.timeIntervalSince1970 * 1e9)
        return try #require(makeMessage(on: topic, payload: text, at: created ?? now))
    }

    private func stored() async throws -> [[UInt8]] {
        try await database.read { session in
            try session.query("SELECT message FROM messages ORDER BY number", []).map { row in try row.blob("message") }
        }
    }

    @Test func whatIsSafeIsStoredInOrder() async throws {
        try await running { store in
            let outcomes = Outcomes()
            for number in 0..<50 {
                store.publish([try message("a\(number)"), try message("b\(number)")]) { outcomes.add($0) }
            }
            try await eventually { outcomes.all.count == 50 }
            #expect(outcomes.all.allSatisfy { $0 })
        }
        let texts = try await stored().map { String(decoding: $0, as: UTF8.self) }
        #expect(texts.count == 100)
        #expect(texts.enumerated().allSatisfy { $1.hasSuffix(($0 % 2 == 0 ? "a" : "b") + "\($0 / 2)") })
    }

    @Test func whatCannotBeStoredIsNotSafe() async throws {
        try await running { store in
            _ = try await database.write { session in try session.execute("DROP TABLE messages", []) }
            let outcomes = Outcomes()
            store.publish([try message("lost")]) { outcomes.add($0) }
            try await eventually { outcomes.all == [false] }
        }
    }

    @Test func afterItsEndNothingIsSafe() async throws {
        let outcomes = Outcomes()
        try await running { store in
            store.publish([try message("in time")]) { outcomes.add($0) }
            try await eventually { outcomes.all == [true] }
        }
        let ended = Outcomes()
        let store = try await MessageStore(
            database,
            maximumBytes: 1,
            maximumAge: .seconds(1),
            logger: Logger(label: "test")
        )
        let service = Task { await store.run() }
        service.cancel()
        await service.value
        store.publish([try message("late")]) { ended.add($0) }
        #expect(ended.all == [false])
    }

    @Test func theOldestGoesWhenItIsTooMuchOrTooOld() async throws {
        try await running(maximumBytes: 3_000) { store in
            let outcomes = Outcomes()
            let batch = try (0..<40).map { try message("\($0)" + String(repeating: "x", count: 100)) }
            store.publish([try message("old", at: 1)]) { outcomes.add($0) }
            store.publish(batch) { outcomes.add($0) }
            try await eventually { outcomes.all == [true, true] }
            await store.removeOld()
            let kept = try await stored()
            #expect(kept.map(\.count).reduce(0, +) <= 3_000 && kept.count > 5)
            let last = String(decoding: try #require(kept.last), as: UTF8.self)
            #expect(last.contains("39xxx"))
            await store.removeOld()
            #expect(try await stored().count == kept.count)
        }
    }
}
