import PostgresDriver
import SQL
import TestSupport
import Testing

/// What becomes of callers when the server, or the network before it, falls silent.
@Suite(.enabled(if: TemporaryPostgres.server != nil, "no server: scripts/with-postgres"), .timeLimit(.minutes(1)))
struct PostgresSilenceTests {
    private let proxy = FaultyProxy()
    private let metrics = RecordingMetrics()

    private func open(_ change: (inout PostgresConfiguration) -> Void = { _ in }) async throws -> PostgresDatabase {
        var configuration = try TemporaryPostgres.configuration()
        configuration.port = try await proxy.listen(before: configuration.port)
        configuration.connections = 2
        configuration.waitTimeout = .milliseconds(500)
        configuration.connectTimeout = .milliseconds(500)
        configuration.statementTimeout = .milliseconds(400)
        configuration.answerGrace = .milliseconds(400)
        change(&configuration)
        return PostgresDatabase(configuration, metrics: metrics)
    }

    private func one(_ database: PostgresDatabase) async throws -> Int64? {
        try await database.read { try $0.query("SELECT 1 AS one", []).first?.integer("one") }
    }

    private func timeouts(_ of: String) -> Int64 {
        metrics.total("fluxgate_database_timeouts_total{of=\(of)}") ?? 0
    }

    @Test func aServerThatTakesConnectionsAndNeverAnswersIsAnOutage() async throws {
        proxy.become(.silent)
        let database = try await open()
        let started = ContinuousClock.now

        #expect(await code { try await one(database) } == .unavailable)
        try await until { database.outage?.contains("no answer in time") == true }
        #expect(started.duration(to: .now) < .seconds(5))
        #expect(timeouts("connect") > 0 && timeouts("wait") == 1)

        proxy.become(.passing)
        try await until { database.outage == nil }
        #expect(try await one(database) == 1)
        try await proxy.close()
    }

    @Test(arguments: [0, 1, 3, 30])
    func anAnswerThatNeverComesWholeIsAnOutageAndItsConnectionIsReplaced(bytes: Int) async throws {
        let database = try await open { $0.connections = 1 }
        #expect(try await one(database) == 1)
        let started = ContinuousClock.now
        let lost = await code {
            try await database.read { session in
                proxy.become(.answering(bytes: bytes))
                return try session.query("SELECT 2 AS two, repeat('x', 200)", []).count
            }
        }

        #expect(lost == .unavailable && started.duration(to: .now) < .seconds(5))
        #expect(timeouts("answer") == 1)
        try await until { database.outage != nil }

        proxy.become(.passing)
        try await until { database.outage == nil }
        #expect(try await one(database) == 1)
        try await proxy.close()
    }

    @Test func aServerThatDoesNotReadHoldsNobodyEither() async throws {
        let database = try await open()
        #expect(try await one(database) == 1)
        proxy.become(.silent)
        let long = String(repeating: "x", count: 20_000_000)
        let lost = await code { try await database.read { try $0.query("SELECT length($1)", [.text(long)]).count } }

        #expect(lost == .unavailable)
        try await proxy.close()
    }

    @Test func aCallerThatIsCanceledInTheSilenceDoesNotWaitForItsEnd() async throws {
        let database = try await open {
            $0.statementTimeout = .seconds(20)
            $0.waitTimeout = .seconds(20)
            $0.connections = 1
        }
        let admin = PostgresDatabase(try TemporaryPostgres.configuration())
        let sleeping = Task {
            try await database.read { try $0.query("SELECT pg_sleep(15)::text AS silence", []).count }
        }
        try await until { try await admin.read(Self.sleeps) }
        proxy.become(.silent)
        let waiting = Task { try await one(database) }
        sleeping.cancel()
        waiting.cancel()

        await #expect(throws: CancellationError.self) { try await waiting.value }
        // The one that runs ends by a limit: nobody can tell the server.
        proxy.become(.closed)
        await #expect(throws: CancellationError.self) { try await sleeping.value }
        try await proxy.close()
    }

    private static func sleeps(_ session: any SQLSession) throws -> Bool {
        let sql = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%AS silence'"
        return try !session.query(sql, []).isEmpty
    }

    @Test func aLossIsNoticedWhileNobodyAsksAndSoIsTheReturn() async throws {
        let database = try await open()
        try await until { database.outage == nil && metrics.measure("fluxgate_database_connections{}") == 2 }
        proxy.become(.closed)

        try await until { database.outage != nil }
        #expect(metrics.measure("fluxgate_database_connections{}") == 0)
        #expect(database.outage != "no connection yet")

        proxy.become(.passing)
        try await until { database.outage == nil }
        try await proxy.close()
    }

    @Test func aCallerWhoMeetsADeadConnectionWaitsForALivingOne() async throws {
        let database = try await open {
            $0.waitTimeout = .seconds(30)
            $0.connections = 1
        }
        #expect(try await one(database) == 1)
        proxy.become(.closed)
        let waiting = Task { try await one(database) }
        try await until { database.outage != nil }
        proxy.become(.passing)

        #expect(try await waiting.value == 1)
        try await proxy.close()
    }
}
