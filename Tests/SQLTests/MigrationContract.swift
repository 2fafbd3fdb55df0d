import SQL
import TestSupport
import Testing

/// What every database does with migrations, whichever engine it is.
@Suite struct MigrationContract {
    static let first = Migration("tests_1") { _ in
        ["CREATE TABLE numbers (n BIGINT)", "INSERT INTO numbers VALUES (1)"]
    }
    static let second = Migration("tests_2") { _ in ["INSERT INTO numbers VALUES (2)"] }
    static let broken = Migration("tests_3") { _ in ["INSERT INTO numbers VALUES (3)", "NO SUCH STATEMENT"] }

    @Test(arguments: SQLEngine.available)
    func eachIsAppliedOnce(_ engine: SQLEngine) async throws {
        let database = try await engine.database()
        try await database.migrate([Self.first])
        try await database.migrate([Self.first, Self.second])
        try await database.migrate([Self.first, Self.second])

        #expect(try await numbers(database) == [1, 2])
    }

    @Test(arguments: SQLEngine.available)
    func otherServicesHaveTheirOwn(_ engine: SQLEngine) async throws {
        let database = try await engine.database()
        try await database.migrate([Self.first])
        try await database.migrate([Migration("others_1") { _ in ["CREATE TABLE others (n BIGINT)"] }])
        try await database.migrate([Self.first, Self.second])

        #expect(try await numbers(database) == [1, 2])
    }

    @Test(arguments: SQLEngine.available)
    func oneThatFailsLeavesNothingAndMayBeTriedAgain(_ engine: SQLEngine) async throws {
        let database = try await engine.database()
        try await database.migrate([Self.first])

        await #expect(throws: SQLError.self) { try await database.migrate([Self.first, Self.second, Self.broken]) }
        #expect(try await numbers(database) == [1])

        try await database.migrate([Self.first, Self.second])
        #expect(try await numbers(database) == [1, 2])
    }

    @Test(arguments: SQLEngine.available)
    func programsThatStartTogetherApplyEachOnce(_ engine: SQLEngine) async throws {
        let database = try await engine.database()
        let pools = try (0..<4).map { _ in try database.another() }

        try await withThrowingTaskGroup(of: Void.self) { group in
            for pool in pools { group.addTask { try await pool.migrate([Self.first, Self.second]) } }
            try await group.waitForAll()
        }

        #expect(try await numbers(database) == [1, 2])
    }

    private func numbers(_ database: any SQLDatabase) async throws -> [Int64] {
        try await database.read { try $0.query("SELECT n FROM numbers ORDER BY n", []).map { try $0.integer("n") } }
    }
}
