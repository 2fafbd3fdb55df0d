internal import Foundation
internal import SQL

/// The connection was dead before the transaction began.
struct StaleConnection: Error {}

/// A body that runs as one transaction, again if another one was in its way.
struct PostgresTransaction<Value>: Sendable {
    /// How often it is tried before its caller is told to come back.
    private static var maximumTries: Int { 10 }

    /// Nil: the one statement of the body is a transaction by itself.
    let begin: String?
    /// How long each statement may take, answer included; nil: as usual.
    let limit: Duration?
    let body: @Sendable (any SQLSession) throws -> Value

    /// Blocks until the transaction has ended. Throws ``StaleConnection`` if there was no connection to try it on.
    func run(on connection: PostgresConnection) throws -> Value {
        var tries = 0
        while true {
            tries += 1
            let result = try once(on: connection, isFirst: tries == 1)
            guard case .failure = result, connection.isConflicted, connection.isAlive, tries < Self.maximumTries,
                !connection.isCanceled()
            else { return try result.get() }
            Thread.sleep(forTimeInterval: .random(in: 0...0.002) * Double(tries))
        }
    }

    private func once(on connection: PostgresConnection, isFirst: Bool) throws -> Result<Value, any Error> {
        do {
            try connection.begin(begin, limit: limit)
            let value = try body(PostgresSession(connection: connection))
            try connection.commit()
            return .success(value)
        } catch {
            if isFirst, !connection.isAlive, connection.isUntouched { throw StaleConnection() }
            connection.rollBack()
            return .failure(error)
        }
    }
}
