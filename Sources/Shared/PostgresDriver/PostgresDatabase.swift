package import CoreMetrics
internal import Model
package import SQL

/// PostgreSQL behind the port: transactions on a pool of connections.
///
/// Transactions that write are serializable, as they are on SQLite, which has one writer: the same repositories are
/// right on both. One that meets another in its way is tried again, so a body may run more than once.
package final class PostgresDatabase: SQLDatabase {
    private static let migrationLock = DatabaseLock(4_605_091_176_253)

    /// How long a statement of a migration may take: it may have to wait for another program's.
    private static let migrationLimit = Duration.seconds(300)

    private let configuration: PostgresConfiguration
    private let pool: PostgresPool

    /// Connects in the background; until that has come about, callers wait.
    package init(_ configuration: PostgresConfiguration, metrics: any MetricsFactory = MetricsSystem.factory) {
        self.configuration = configuration
        self.pool = PostgresPool(configuration, metrics: PostgresMetrics(metrics))
    }

    deinit { pool.close() }

    /// Why PostgreSQL can't be used at the moment; nil if it can, as far as is known. Connections that nobody uses are
    /// looked at once a second.
    package var outage: String? { pool.outage }

    package func read<Value: Sendable>(
        once: Bool,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await transaction(once ? nil : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", body)
    }

    package func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await transaction("BEGIN ISOLATION LEVEL SERIALIZABLE", body)
    }

    package func migrate(_ migrations: [Migration]) async throws {
        let limit = Self.migrationLimit
        try await writeAlone(as: Self.migrationLock, limit: limit + configuration.answerGrace) { session in
            try session.run("SET LOCAL statement_timeout = \(limit.milliseconds)", [])
        } then: { session in
            try session.apply(migrations)
        }
    }

    package func writeAlone<Value: Sendable>(
        as lock: DatabaseLock,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await writeAlone(as: lock, limit: nil) { session in
            // A program that was stopped in the middle doesn't keep the others out.
            try session.run("SET LOCAL idle_in_transaction_session_timeout = 5000", [])
        } then: { session in
            try body(session)
        }
    }

    /// - Parameter prepare: comes before the lock is waited for.
    private func writeAlone<Value: Sendable>(
        as lock: DatabaseLock,
        limit: Duration?,
        before prepare: @escaping @Sendable (any SQLSession) throws -> Void,
        then body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        // Each statement sees what was committed before it, and so what the one who had the lock did.
        try await transaction("BEGIN ISOLATION LEVEL READ COMMITTED", limit: limit) { session in
            try prepare(session)
            try session.run("SELECT pg_advisory_xact_lock($1)", [.integer(lock.number)])
            return try body(session)
        }
    }

    // MARK: Transactions

    /// - Parameter limit: how long each statement may take, answer included; nil: as usual.
    private func transaction<Value: Sendable>(
        _ begin: String?,
        limit: Duration? = nil,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        let transaction = PostgresTransaction(begin: begin, limit: limit, body: body)
        let answer = PostgresAnswer<Value>()
        let job = PostgresJob(deadline: .now + configuration.waitTimeout) { connection in
            do {
                answer.give(.success(try transaction.run(on: connection)))
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
                return try await answer.value { pool.add(job) }
            } catch {
                throw job.isCanceled ? CancellationError() : error
            }
        } onCancel: {
            pool.cancel(job)
        }
    }
}
