import PostgresDriver
import SQL
import Synchronization
import TestSupport
import Testing

/// A server that is killed and started again, with callers and without.
@Suite(.enabled(if: TemporaryPostgres.server != nil, "no server: scripts/with-postgres"), .timeLimit(.minutes(2)))
struct PostgresCrashTests {
    /// What callers were told.
    private final class Tally: Sendable {
        let written = Atomic<Int64>(0)
        let unavailable = Atomic<Int64>(0)
        let others = Mutex<[String]>([])
        let isOver = Atomic(false)

        func count(_ error: any Error) {
            if (error as? SQLError)?.code == .unavailable {
                unavailable.add(1, ordering: .relaxed)
            } else {
                others.withLock { $0.append("\(error)") }
            }
        }
    }

    @Test func thePoolOutlivesCrashesOfTheServerUnderLoad() async throws {
        let server = try PrivatePostgres()
        var configuration = server.configuration
        configuration.applicationName = "fluxgate-crash"
        configuration.connections = 4
        configuration.waitTimeout = .milliseconds(200)
        let database = PostgresDatabase(configuration)
        try await database.migrate([Migration("tests_1") { _ in ["CREATE TABLE rows (n BIGINT)"] }])
        let tally = Tally()

        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<16 { group.addTask { await write(database, tally) } }
            for round in 1...3 {
                let before = tally.written.load(ordering: .relaxed)
                try await until { tally.written.load(ordering: .relaxed) > before + 20 }
                try server.kill()
                try await until { database.outage != nil }
                try server.start()
                try await until { database.outage == nil }
                print("crash \(round): \(before) written before, the pool is back")
            }
            let after = tally.written.load(ordering: .relaxed)
            try await until { tally.written.load(ordering: .relaxed) > after + 20 }
            tally.isOver.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }

        let rows =
            try await database.read { try $0.query("SELECT count(*) AS n FROM rows", []).first?.integer("n") } ?? 0
        let written = tally.written.load(ordering: .relaxed)
        print(
            "\(written) answered as written, \(rows) there, \(tally.unavailable.load(ordering: .relaxed)) unavailable"
        )
        // Some were written and their callers never told.
        #expect(rows >= written && written > 80)
        #expect(tally.unavailable.load(ordering: .relaxed) > 0)
        #expect(tally.others.withLock { $0 } == [])
        #expect(try await sessions("fluxgate-crash", on: server.configuration) <= 4)
        #expect(try await sessions("fluxgate-crash", inTransaction, on: server.configuration) == 0)
    }

    private func write(_ database: PostgresDatabase, _ tally: Tally) async {
        while !tally.isOver.load(ordering: .relaxed) {
            do {
                _ = try await database.write { try $0.execute("INSERT INTO rows VALUES (1)", []) }
                tally.written.add(1, ordering: .relaxed)
            } catch { tally.count(error) }
        }
    }

    @Test func aCrashIsNoticedWhileNobodyAsks() async throws {
        let server = try PrivatePostgres()
        let database = PostgresDatabase(server.configuration)
        try await until { database.outage == nil }
        try server.kill()
        try await until { database.outage != nil }
        try server.start()
        try await until { database.outage == nil }

        #expect(try await database.read { try $0.query("SELECT 1", []).count } == 1)
    }
}
