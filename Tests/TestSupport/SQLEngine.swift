package import SQL

/// The engines that a contract is run on: PostgreSQL where `scripts/with-postgres` started one.
package enum SQLEngine: Sendable {
    case sqlite, postgres

    package static var available: [SQLEngine] { TemporaryPostgres.server == nil ? [.sqlite] : [.sqlite, .postgres] }

    /// An empty database.
    package func database() async throws -> any TemporaryDatabase {
        switch self {
        case .sqlite: try TemporarySQLite()
        case .postgres: try await TemporaryPostgres()
        }
    }
}

/// A database that nobody else uses.
package protocol TemporaryDatabase: SQLDatabase {
    associatedtype Database: SQLDatabase
    var database: Database { get }

    /// Other connections to the same data, as another program would have them.
    func another() throws -> any SQLDatabase
}

extension TemporaryDatabase {
    package func read<Value: Sendable>(
        once: Bool,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await database.read(once: once, body)
    }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await database.write(body)
    }

    package func writeAlone<Value: Sendable>(
        as lock: DatabaseLock,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await database.writeAlone(as: lock, body)
    }

    package func migrate(_ migrations: [Migration]) async throws { try await database.migrate(migrations) }
}
