package import SQL
internal import SQLiteDriver

/// A database file of its own, which goes with the last reference.
package final class TemporarySQLite: TemporaryDatabase {
    private let folder: TemporaryFolder
    private let database: SQLiteDatabase

    package init() throws {
        self.folder = try TemporaryFolder()
        self.database = try SQLiteDatabase(path: folder.path + "/test.db")
    }

    /// A second connection pool on the same file.
    package func another() throws -> any SQLDatabase { try SQLiteDatabase(path: folder.path + "/test.db") }

    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await database.read(body)
    }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await database.write(body)
    }

    package func migrate(_ migrations: [Migration]) async throws { try await database.migrate(migrations) }
}
