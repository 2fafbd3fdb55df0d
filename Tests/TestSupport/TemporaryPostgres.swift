internal import Foundation
package import PostgresDriver
package import SQL

/// A schema of its own in the server that `scripts/with-postgres` started, which goes with that server.
package final class TemporaryPostgres: TemporaryDatabase {
    /// Where that server is: `host:port`; nil if there is none.
    package static let server = ProcessInfo.processInfo.environment["FLUXGATE_TEST_POSTGRES"]

    package let database: PostgresDatabase
    private let schema: String

    package init(_ change: (inout PostgresConfiguration) -> Void = { _ in }) async throws {
        schema = "test_\(UUID().uuidString.lowercased().replacing("-", with: ""))"
        var configuration = try Self.configuration()
        let admin = PostgresDatabase(configuration)
        let schema = schema
        _ = try await admin.write { try $0.execute("CREATE SCHEMA \(schema)", []) }
        configuration.schema = schema
        configuration.connections = 4
        change(&configuration)
        database = PostgresDatabase(configuration)
    }

    package func another() throws -> any SQLDatabase {
        var configuration = try Self.configuration()
        configuration.schema = schema
        return PostgresDatabase(configuration)
    }

    /// The server's superuser, who needs no password on the loopback address.
    package static func configuration() throws -> PostgresConfiguration {
        struct Missing: Error {}
        let parts = server?.split(separator: ":") ?? []
        guard parts.count == 2, let port = Int(parts[1]) else { throw Missing() }
        var configuration = PostgresConfiguration(
            host: String(parts[0]),
            port: port,
            user: "postgres",
            database: "postgres"
        )
        configuration.connections = 1
        return configuration
    }
}
