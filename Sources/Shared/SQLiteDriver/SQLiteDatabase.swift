internal import GRDB
package import SQL

/// The embedded database: one file in WAL mode, one writer and several readers.
///
/// A commit is on the disk before it is answered (`synchronous = FULL`), so what was acknowledged outlives a power cut.
package final class SQLiteDatabase: SQLDatabase {
    private let pool: DatabasePool

    /// Opens the file, making it if it is missing.
    package init(path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.foreignKeysEnabled = true
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
            database.add(function: SQLiteFunctions.jsonContains)
            database.add(function: SQLiteFunctions.fold)
            database.add(function: SQLiteFunctions.uuid)
        }
        self.pool = try DatabasePool(path: path, configuration: configuration)
    }

    package func read<Value: Sendable>(
        once: Bool,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await translatingErrors {
            try await self.pool.read { try body(SQLiteSession(database: $0)) }
        }
    }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await translatingErrors {
            try await self.pool.write { try body(SQLiteSession(database: $0)) }
        }
    }

    package func writeAlone<Value: Sendable>(
        as lock: DatabaseLock,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        // There is one writer.
        try await write(body)
    }

    package func migrate(_ migrations: [Migration]) async throws {
        try await write { session in try session.apply(migrations) }
    }

    private func translatingErrors<Value>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let error as GRDB.DatabaseError {
            throw SQLError(error)
        }
    }
}
