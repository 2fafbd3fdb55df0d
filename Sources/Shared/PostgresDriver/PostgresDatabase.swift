internal import Foundation
package import SQL
internal import Synchronization

/// PostgreSQL behind the port: transactions on a pool of connections.
///
/// Transactions that write are serializable, as they are on SQLite, which has one writer: the same repositories are right on
/// both. One that meets another in its way is tried again, so a body may run more than once.
package final class PostgresDatabase: SQLDatabase {
    /// How often a transaction is tried before its caller is told to come back.
    private static let maximumTries = 10
    /// Whoever migrates holds this advisory lock; the number is nobody else's.
    private static let migrationLock: Int64 = 4_605_091_176_253

    private let configuration: PostgresConfiguration
    private let pool: PostgresPool

    /// Connects in the background; until that has come about, callers wait.
    package init(_ configuration: PostgresConfiguration) {
        self.configuration = configuration
        self.pool = PostgresPool(configuration)
    }

    deinit { pool.close() }

    /// Why PostgreSQL can't be used at the moment; nil if it can.
    package var outage: String? { pool.outage }

    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", body)
    }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await transaction("BEGIN ISOLATION LEVEL SERIALIZABLE", body)
    }

    package func migrate(_ migrations: [Migration]) async throws {
        // Each statement sees what was committed before it, and so what the one who had the lock did.
        try await transaction("BEGIN ISOLATION LEVEL READ COMMITTED") { session in
            try session.execute("SET LOCAL statement_timeout = '5min'", [])
            _ = try session.query("SELECT pg_advisory_xact_lock($1)::text", [.integer(Self.migrationLock)])
            try session.apply(migrations)
        }
    }

    // MARK: Transactions

    private func transaction<Value: Sendable>(
        _ begin: String,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        let answer = PostgresAnswer<Value>()
        let job = PostgresJob(deadline: .now + configuration.waitTimeout) { connection in
            do {
                answer.give(.success(try Self.run(begin, body, on: connection)))
                return .done
            } catch is StaleConnection {
                return .stale
            } catch {
                answer.give(.failure(error))
                return .done
            }
        } refuse: { error in
            answer.give(.failure(error))
        }
        return try await withTaskCancellationHandler {
            do {
                return try await answer.value {
                    pool.add(job)
                    // Nobody may have been there to take it out when it was canceled.
                    if Task.isCancelled, pool.remove(job) { job.fail(CancellationError()) }
                }
            } catch {
                throw job.isCanceled.load(ordering: .acquiring) ? CancellationError() : error
            }
        } onCancel: {
            job.isCanceled.store(true, ordering: .releasing)
            guard !pool.remove(job) else { return job.fail(CancellationError()) }
            // It blocks, which a task may not.
            Thread.detachNewThread { job.endStatement() }
        }
    }

    /// The connection was dead before the transaction began.
    private struct StaleConnection: Error {}

    private static func run<Value>(
        _ begin: String,
        _ body: (any SQLSession) throws -> Value,
        on connection: PostgresConnection
    ) throws -> Value {
        var tries = 0
        while true {
            tries += 1
            let result = try once(begin, body, on: connection, isFirst: tries == 1)
            guard case .failure = result, connection.isConflicted, connection.isAlive, tries < maximumTries else {
                return try result.get()
            }
            Thread.sleep(forTimeInterval: .random(in: 0...0.002) * Double(tries))
        }
    }

    /// Tries a transaction once. Throws ``StaleConnection`` if there was no connection to try it on.
    private static func once<Value>(
        _ begin: String,
        _ body: (any SQLSession) throws -> Value,
        on connection: PostgresConnection,
        isFirst: Bool
    ) throws -> Result<Value, any Error> {
        do {
            try connection.begin(begin)
        } catch {
            if isFirst, !connection.isAlive { throw StaleConnection() }
            return .failure(error)
        }
        do {
            let value = try body(PostgresSession(connection: connection))
            try connection.commit()
            return .success(value)
        } catch {
            // If this fails too, the transaction ends with the connection.
            try? connection.run("ROLLBACK")
            return .failure(error)
        }
    }
}
