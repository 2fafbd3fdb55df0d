import PostgresDriver
import SQL
import Synchronization
import TestSupport
import Testing

/// Callers that go before they are answered.
@Suite(.enabled(if: TemporaryPostgres.server != nil, "no server: scripts/with-postgres"), .timeLimit(.minutes(1)))
struct PostgresCancellationTests {
    private static let schema = Migration("tests_1") { _ in ["CREATE TABLE rows (n BIGINT)"] }

    private func open(_ change: (inout PostgresConfiguration) -> Void = { _ in }) async throws -> TemporaryPostgres {
        let database = try await TemporaryPostgres(change)
        try await database.migrate([Self.schema])
        return database
    }

    private func rows(_ database: TemporaryPostgres) async throws -> Int64 {
        try await database.read { try $0.query("SELECT count(*) AS n FROM rows", []).first?.integer("n") } ?? -1
    }

    /// Where a body and its test wait for each other.
    private final class Gate: Sendable {
        let isReached = Atomic(false)
        let isOpen = Atomic(false)
        /// Whether the body has gone on.
        let isBehind = Atomic(false)

        /// Bodies may block.
        func pass() {
            isReached.store(true, ordering: .releasing)
            while !isOpen.load(ordering: .acquiring) {}
        }
    }

    @Test func aBodyWhoseCallerHasGoneRunsNoOtherStatement() async throws {
        let database = try await open()
        let gate = Gate()
        let writing = Task {
            try await database.write { session in
                try session.execute("INSERT INTO rows VALUES (1)", [])
                gate.pass()
                try session.execute("INSERT INTO rows VALUES (2)", [])
                gate.isBehind.store(true, ordering: .releasing)
            }
        }
        try await until { gate.isReached.load(ordering: .acquiring) }
        writing.cancel()
        gate.isOpen.store(true, ordering: .releasing)

        await #expect(throws: CancellationError.self) { try await writing.value }
        let isBehind = gate.isBehind.load(ordering: .acquiring)
        #expect(!isBehind)
        #expect(try await rows(database) == 0)
    }

    @Test func whatABodyMakesOfItWhoseCallerHasGoneIsNotCommitted() async throws {
        let database = try await open()
        let gate = Gate()
        let writing = Task {
            try await database.write { session in
                try session.execute("INSERT INTO rows VALUES (1)", [])
                gate.pass()
                _ = try? session.execute("INSERT INTO rows VALUES (2)", [])
            }
        }
        try await until { gate.isReached.load(ordering: .acquiring) }
        writing.cancel()
        gate.isOpen.store(true, ordering: .releasing)

        await #expect(throws: CancellationError.self) { try await writing.value }
        #expect(try await rows(database) == 0)
    }

    @Test func stormsOfCancellationsLeaveNothingOpenAndTakeNobodyElseWithThem() async throws {
        let name = "fluxgate-storm"
        let started = ContinuousClock.now
        let database = try await open {
            $0.applicationName = name
            $0.statementTimeout = .seconds(20)
        }
        let answered = try await withThrowingTaskGroup(of: Int64?.self) { group in
            for round in 0..<20 {
                var canceled: [Task<Void, any Error>] = []
                for number in 0..<40 {
                    let isSlow = number % 8 == 0
                    canceled.append(
                        Task {
                            _ = try await database.write { session in
                                try session.execute("INSERT INTO rows VALUES ($1)", [.integer(Int64(number))])
                                if isSlow { _ = try session.query("SELECT pg_sleep(20)::text", []) }
                                try session.execute("DELETE FROM rows WHERE n >= 0", [])
                            }
                        }
                    )
                }
                // Nobody cancels these.
                for _ in 0..<4 {
                    group.addTask {
                        try await database.read { try $0.query("SELECT 1 AS one", []).first?.integer("one") }
                    }
                }
                for task in canceled.shuffled() {
                    if round % 2 == 0 { await Task.yield() }
                    task.cancel()
                }
                for task in canceled { _ = await task.result }
            }
            return try await group.reduce(into: 0) { sum, one in sum += one ?? 0 }
        }

        #expect(answered == 80)
        #expect(started.duration(to: .now) < .seconds(15), "a statement was left to the server's limit")
        #expect(try await rows(database) == 0)
        let server = try TemporaryPostgres.configuration()
        #expect(try await sessions(name, inTransaction + ["active"], on: server) == 0)
        // The one by which the server is told goes when nobody has needed it for some seconds.
        try await until { try await sessions(name, on: server) <= 4 }
    }
}
