import Foundation
import PostgresDriver
import SQL
import Synchronization
import TestSupport
import Testing

/// What only PostgreSQL can do wrong: connections that are lost, awaited, in each other's way.
@Suite(.enabled(if: TemporaryPostgres.server != nil, "no server: scripts/with-postgres"), .timeLimit(.minutes(1)))
struct PostgresDatabaseTests {
    private static let schema = Migration("tests_1") { _ in ["CREATE TABLE counters (name TEXT PRIMARY KEY, n BIGINT)"]
    }

    private func open(_ change: (inout PostgresConfiguration) -> Void = { _ in }) async throws -> TemporaryPostgres {
        let database = try await TemporaryPostgres(change)
        try await database.migrate([Self.schema])
        return database
    }

    /// Ends all connections of the pool but the one that asks.
    private static func endOthers(_ session: any SQLSession) throws {
        _ = try session.query(
            """
            SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
            WHERE application_name = 'fluxgate-victim' AND pid <> pg_backend_pid()
            """,
            []
        )
    }

    // MARK: Lost connections

    @Test func connectionsThatWereEndedMeanwhileAreNotNoticed() async throws {
        let database = try await open { $0.applicationName = "fluxgate-victim" }
        let admin = PostgresDatabase(try TemporaryPostgres.configuration())
        for _ in 0..<5 {
            try await admin.write(Self.endOthers)
            let one = try await database.read { try $0.query("SELECT 1 AS one", []).first?.integer("one") }
            #expect(one == 1)
        }
    }

    @Test func aConnectionThatIsLostInATransactionIsAnOutageAndTheNextOneWorks() async throws {
        let database = try await open()
        let lost = await code {
            try await database.write { session in
                try session.execute("INSERT INTO counters VALUES ('a', 1)", [])
                _ = try session.query("SELECT pg_terminate_backend(pg_backend_pid())::text", [])
            }
        }

        #expect(lost == .unavailable)
        let rows = try await database.read { try $0.query("SELECT name FROM counters", []).count }
        #expect(rows == 0)
    }

    @Test func whereNobodyListensCallersWaitAsLongAsTheyMay() async throws {
        var configuration = try TemporaryPostgres.configuration()
        configuration.port = 1
        configuration.waitTimeout = .milliseconds(200)
        let database = PostgresDatabase(configuration)
        let started = ContinuousClock.now

        #expect(await code { try await database.read { _ in } } == .unavailable)
        #expect(started.duration(to: .now) < .seconds(3))
        #expect(database.outage != nil)
    }

    // MARK: Waiting

    @Test func whoWaitsTooLongIsToldSoAndSoIsForWhomThereIsNoRoom() async throws {
        let database = try await open {
            $0.connections = 1
            $0.maximumWaiting = 1
            $0.waitTimeout = .milliseconds(200)
        }
        let sleeping = Task { try await database.read { try $0.query("SELECT pg_sleep(1)::text", []).count } }
        while try await isIdle() { await Task.yield() }

        let codes = await withTaskGroup(of: SQLError.Code?.self) { group in
            for _ in 0..<4 { group.addTask { await code { try await database.read { _ in } } } }
            return await group.reduce(into: []) { $0.append($1) }
        }

        #expect(codes == Array(repeating: .unavailable, count: 4))
        #expect(try await sleeping.value == 1)
        #expect(await code { try await database.read { _ in } } == nil)
    }

    /// Whether nobody sleeps in the server.
    private func isIdle() async throws -> Bool {
        let admin = PostgresDatabase(try TemporaryPostgres.configuration())
        return try await admin.read { session in
            try session.query(
                "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'",
                []
            ).isEmpty
        }
    }

    @Test func aStatementThatTakesTooLongIsAnOutage() async throws {
        let database = try await open { $0.statementTimeout = .milliseconds(100) }

        #expect(await code { try await database.read { try $0.query("SELECT pg_sleep(5)::text", []) } } == .unavailable)
        #expect(await code { try await database.read { try $0.query("SELECT 1", []) } } == nil)
    }

    @Test func aCallerThatIsCanceledEndsItsStatement() async throws {
        let database = try await open { $0.connections = 1 }
        let started = ContinuousClock.now
        let sleeping = Task { try await database.read { try $0.query("SELECT pg_sleep(30)::text", []).count } }
        while try await isIdle() { await Task.yield() }
        sleeping.cancel()

        await #expect(throws: CancellationError.self) { try await sleeping.value }
        #expect(await code { try await database.read { try $0.query("SELECT 1", []) } } == nil)
        #expect(started.duration(to: .now) < .seconds(10))
    }

    // MARK: Transactions

    @Test func transactionsInEachOthersWayAreTriedAgain() async throws {
        let database = try await open()
        _ = try await database.write { try $0.execute("INSERT INTO counters VALUES ('a', 0)", []) }
        final class Runs: Sendable { let count = Atomic(0) }
        let runs = Runs()

        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    try await database.write { session in
                        runs.count.add(1, ordering: .relaxed)
                        let row = try session.query("SELECT n FROM counters WHERE name = 'a'", []).first
                        let next = try (row?.integer("n") ?? 0) + 1
                        try session.execute("UPDATE counters SET n = $1 WHERE name = 'a'", [.integer(next)])
                    }
                }
            }
            try await group.waitForAll()
        }

        let sum = try await database.read { try $0.query("SELECT n FROM counters", []).first?.integer("n") }
        #expect(sum == 40 && runs.count.load(ordering: .relaxed) >= 40)
    }

    @Test func everyTransactionEnds() async throws {
        struct Refusal: Error {}
        let database = try await open { $0.applicationName = "fluxgate-ends" }
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    for number in stride(from: worker, to: 10_000, by: 8) {
                        _ = await code {
                            try await database.write { session in
                                switch number % 4 {
                                case 0: try session.execute("SELEKT", [])
                                case 1: throw Refusal()
                                case 2: try session.execute("INSERT INTO counters VALUES ($1, 1)", [.text("twice")])
                                default:
                                    try session.execute("INSERT INTO counters VALUES ($1, 1)", [.text("\(number)")])
                                }
                            }
                        }
                    }
                }
            }
        }

        let admin = PostgresDatabase(try TemporaryPostgres.configuration())
        let open = try await admin.read { session in
            try session.query(
                "SELECT state FROM pg_stat_activity WHERE application_name = 'fluxgate-ends' AND state <> 'idle'",
                []
            ).count
        }
        #expect(open == 0)
        let rows = try await database.read { try $0.query("SELECT 1 FROM counters", []).count }
        #expect(rows == 2_501)
    }

    /// PostgreSQL rolls such a transaction back, and calls the COMMIT a success.
    @Test func whatABodySwallowsIsNoCommit() async throws {
        let database = try await open()
        let code = await code {
            try await database.write { session in
                try session.execute("INSERT INTO counters VALUES ('a', 1)", [])
                _ = try? session.execute("INSERT INTO counters VALUES ('a', 1)", [])
            }
        }

        #expect(code == .uniqueViolation)
        #expect(try await database.read { try $0.query("SELECT 1 FROM counters", []).count } == 0)
    }

    @Test func aReadThatAsksOnceAsksNoSecondTime() async throws {
        let database = try await open()
        let code = await code {
            try await database.read(once: true) { session in
                for _ in 0..<2 { _ = try session.query("SELECT 1 AS one", []) }
            }
        }

        #expect(code == .failed)
        #expect(try await database.read(once: true) { try $0.query("SELECT name FROM counters", []).count } == 0)
    }

    /// What was prepared in a transaction that failed is prepared anew, or still there.
    @Test func statementsOutliveTheFailureOfWhatWasSentWithThem() async throws {
        let database = try await open { $0.connections = 1 }
        let refused = await code {
            try await database.write { session in
                try session.run("INSERT INTO counters VALUES ($1, $2)", [.text("a"), .integer(1)])
                try session.run("INSERT INTO counters VALUES ($1, 1 / $2)", [.text("b"), .integer(0)])
                try session.run("UPDATE counters SET n = $1", [.integer(3)])
            }
        }
        try await database.write { session in
            try session.run("INSERT INTO counters VALUES ($1, $2)", [.text("a"), .integer(1)])
            try session.run("INSERT INTO counters VALUES ($1, 1 / $2)", [.text("b"), .integer(1)])
            try session.run("UPDATE counters SET n = $1", [.integer(3)])
        }

        let values = try await database.read { session in
            try session.query("SELECT n FROM counters", []).map { try $0.integer("n") }
        }
        #expect(refused == .failed)
        #expect(values == [3, 3])
    }

    // MARK: Statements

    @Test func manyDifferentStatementsAreNotAllKept() async throws {
        let database = try await open { $0.connections = 1 }
        for number in 0..<600 {
            let value = try await database.read { session in
                try session.query("SELECT $1 + \(number) AS sum", [.integer(1)]).first?.integer("sum")
            }
            #expect(value == Int64(number) + 1)
        }

        let kept = try await database.read { try $0.query("SELECT 1 FROM pg_prepared_statements", []).count }
        #expect(kept <= 256)
    }

    @Test func whatPostgreSQLCannotHoldIsRefusedByItself() async throws {
        let database = try await open()

        let refused = await code {
            try await database.write { try $0.execute("INSERT INTO counters VALUES ($1, 1)", [.text("a\u{0}b")]) }
        }
        #expect(refused == .failed)
    }

    @Test func anErrorDoesNotNameTheValues() async throws {
        let database = try await open()
        var words = ""
        do {
            try await database.write { session in
                for _ in 0..<2 { try session.execute("INSERT INTO counters VALUES ($1, 1)", [.text("a secret")]) }
            }
        } catch { words = "\(error)" }

        #expect(words.contains("23505") && !words.contains("a secret"))
    }

    @Test(arguments: ["a secret", "99999999999999999999999"])
    func aValueThatCannotBeReadIsNotQuotedInTheError(value: String) async throws {
        let database = try await open()
        var words = ""
        do {
            _ = try await database.read { try $0.query("SELECT $1::int8", [.text(value)]) }
        } catch { words = "\(error)" }

        #expect(words.contains("(22") && !words.contains(value))
    }

    // MARK: Configuration

    @Test func aSchemaMayHaveAnyName() async throws {
        let name = #"we ird\\ "na'me,"#
        let admin = PostgresDatabase(try TemporaryPostgres.configuration())
        let quoted = name.replacing("\"", with: "\"\"")
        try await admin.write { session in
            try session.execute("DROP SCHEMA IF EXISTS \"\(quoted)\" CASCADE", [])
            try session.execute("CREATE SCHEMA \"\(quoted)\"", [])
        }
        var configuration = try TemporaryPostgres.configuration()
        configuration.schema = name
        let database = PostgresDatabase(configuration)
        let schema = try await database.read { session in
            try session.query("SELECT current_schema()::text AS name", []).first?.text("name")
        }

        #expect(schema == name)
    }

    @Test func aUnixSocketIsAHostWithoutTLS() async throws {
        let data = try #require(ProcessInfo.processInfo.environment["FLUXGATE_TEST_POSTGRES_DATA"])
        var configuration = try TemporaryPostgres.configuration()
        configuration.host = URL(fileURLWithPath: data).deletingLastPathComponent().path
        let database = PostgresDatabase(configuration)
        let address = try await database.read { session in
            try session.query("SELECT inet_client_addr()::text AS address", []).first?.value("address")
        }
        let sleeping = Task { try await database.read { try $0.query("SELECT pg_sleep(9)::text", []).count } }
        while try await isIdle() { await Task.yield() }
        sleeping.cancel()

        #expect(address == nil)
        await #expect(throws: CancellationError.self) { try await sleeping.value }
        configuration.tls = .require
        let encrypted = PostgresDatabase(configuration)
        try await until { encrypted.outage != "no connection yet" }
        #expect(encrypted.outage == "a Unix socket has no TLS")
    }

    @Test(arguments: ["host", "user", "database"])
    func whatIsEmptyIsNotTakenFromElsewhere(field: String) async throws {
        var configuration = try TemporaryPostgres.configuration()
        switch field {
        case "host": configuration.host = ""
        case "user": configuration.user = ""
        default: configuration.database = ""
        }
        let database = PostgresDatabase(configuration)

        try await until { database.outage != "no connection yet" }
        #expect(database.outage == "no host, no user or no database is given")
    }

    @Test func whatStandsInTheEnvironmentAndTheHomeFolderCountsForNothing() async throws {
        await #expect(processExitsWith: .success) {
            let home = try TemporaryFolder()
            let files = [
                (".pg_service.conf", "[elsewhere]\nhost=192.0.2.1\n"), (".pgpass", "*:*:*:*:wrong\n"),
            ]
            for (name, text) in files {
                try text.write(toFile: "\(home.path)/\(name)", atomically: true, encoding: .utf8)
            }
            let variables = [
                "HOME": home.path, "PGHOST": "192.0.2.1", "PGHOSTADDR": "192.0.2.1", "PGPORT": "1", "PGUSER": "nobody",
                "PGDATABASE": "nothing", "PGSERVICE": "elsewhere", "PGSSLMODE": "verify-full",
                "PGOPTIONS": "-c nonsense=1",
                "PGSSLMINPROTOCOLVERSION": "nonsense", "PGTZ": "nonsense", "PGTARGETSESSIONATTRS": "standby",
            ]
            for (name, value) in variables { setenv(name, value, 1) }
            let database = PostgresDatabase(try TemporaryPostgres.configuration())
            let user = try await database.read { session in
                try session.query("SELECT current_user::text AS name", []).first?.text("name")
            }
            try #require(user == "postgres")
        }
    }

    // MARK: Metrics

    @Test func operatorsSeeHowManyConnectAndWait() async throws {
        let metrics = RecordingMetrics()
        var configuration = try TemporaryPostgres.configuration()
        configuration.connections = 3
        configuration.statementTimeout = .milliseconds(300)
        configuration.waitTimeout = .milliseconds(100)
        let database = PostgresDatabase(configuration, metrics: metrics)
        try await until { metrics.measure("fluxgate_database_connections{}") == 3 }

        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<5 {
                group.addTask { _ = try? await database.read { try $0.query("SELECT pg_sleep(9)::text", []) } }
            }
            try await until { metrics.measure("fluxgate_database_waiting{}") == 2 }
        }

        #expect(metrics.total("fluxgate_database_timeouts_total{of=statement}") == 3)
        #expect(metrics.total("fluxgate_database_timeouts_total{of=wait}") == 2)
        #expect(metrics.measure("fluxgate_database_waiting{}") == 0)
    }
}
