internal import CLibPQ
internal import CoreMetrics
internal import Model
internal import SQL

/// One connection. Every call blocks, but for as long as it may and no longer; it is used by one thread at a time.
final class PostgresConnection {
    /// Statements kept prepared; beyond that the one used longest ago goes.
    private static let maximumPrepared = 256

    /// A statement as the server keeps it: the same text with other types of values is another.
    private struct Statement: Hashable {
        let sql: String
        let types: [Oid]
    }

    private let wire: PostgresWire
    private let metrics: PostgresMetrics
    /// How long a statement may take, answer included.
    private let usualLimit: Duration
    private var limit: Duration
    private var prepared: [Statement: (name: String, lastUse: UInt64)] = [:]
    private var uses: UInt64 = 0
    /// Whether another transaction was in the way of this one; whoever begins one clears it.
    private(set) var isConflicted = false
    /// What went wrong last in this transaction.
    private var failure: SQLError?
    /// Whether what is prepared or connected to is no longer what it was: a new connection is needed.
    var isOutdated = false
    /// Who it is to the server; nil if that couldn't be asked.
    private(set) var backend: PostgresBackend?
    /// Whether the caller whose statements these are has gone.
    var isCanceled: @Sendable () -> Bool = { false }

    /// Connects and logs in, at the first of the addresses that lets it. Throws ``SQLError``, `unavailable`, if none
    /// does; the password isn't in its words.
    ///
    /// - Parameter addresses: nil: all that the host has.
    init(
        _ configuration: PostgresConfiguration,
        at addresses: [String?]? = nil,
        metrics: PostgresMetrics
    ) throws(SQLError) {
        PostgresEnvironment.clear()
        self.metrics = metrics
        usualLimit = configuration.statementTimeout + configuration.answerGrace
        limit = configuration.connectTimeout
        var found: (wire: PostgresWire, address: String?)?
        var problems: [String] = []
        let candidates = if let addresses { addresses } else { try configuration.addresses() }
        for address in candidates {
            do throws(SQLError) {
                let parameters = configuration.parameters(address)
                found = (try PostgresWire(parameters, within: configuration.connectTimeout), address)
                break
            } catch {
                if error.message == PostgresWire.overdue { metrics.connectTimeouts.increment() }
                problems.append("\(address ?? configuration.host): \(error.message)")
            }
        }
        guard let found else { throw SQLError(.unavailable, problems.joined(separator: "; ")) }
        wire = found.wire
        PQsetNoticeProcessor(wire.connection, { _, _ in }, nil)
        // The detail of an error names values.
        PQsetErrorVerbosity(wire.connection, PQERRORS_TERSE)
        backend = try PostgresBackend(self, address: found.address)
    }

    /// Whether another statement can be tried on it.
    var isAlive: Bool { wire.isAlive }

    /// Whether it can be given to the next caller: a transaction that couldn't be ended ends with its connection.
    var isReusable: Bool { isAlive && !isOutdated && PQtransactionStatus(wire.connection) == PQTRANS_IDLE }

    /// Why it can't be used any more.
    var loss: String { isAlive ? "the connection was no longer in order" : wire.message }

    /// Whether the other end is still there, as far as that can be told without asking it.
    func look() -> Bool { wire.look() }

    // MARK: Transactions

    /// Begins a transaction.
    ///
    /// - Parameter limit: how long each of its statements may take, answer included; nil: as usual.
    func begin(_ sql: String, limit: Duration?) throws(SQLError) {
        isConflicted = false
        failure = nil
        self.limit = limit ?? usualLimit
        try run(sql)
    }

    /// Commits. Throws what aborted the transaction if a body went on after it: PostgreSQL then rolls back, and calls
    /// that a success.
    func commit() throws(SQLError) {
        if PQtransactionStatus(wire.connection) == PQTRANS_INERROR {
            throw failure ?? SQLError(.failed, "the transaction was aborted")
        }
        try refuseIfCanceled()
        try run("COMMIT")
    }

    /// Rolls back. Whether that went well, ``isReusable`` says.
    func rollBack() { try? run("ROLLBACK") }

    private func refuseIfCanceled() throws(SQLError) {
        if isCanceled() { throw SQLError(.unavailable, "canceled") }
    }

    // MARK: Statements

    /// Runs a statement without values.
    private func run(_ sql: String) throws(SQLError) {
        _ = try checked { PQsendQuery($0, sql) }
    }

    /// Runs a statement with values for `$1`, `$2` …, prepared at its first use. Throws if the caller has gone.
    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> PostgresResult {
        try refuseIfCanceled()
        let texts = try values.map { value throws(SQLError) in try value.parameter() }
        let name = try prepare(Statement(sql: sql, types: values.map(\.type)))
        return try checked { connection in
            withCStrings(texts) { PQsendQueryPrepared(connection, name, Int32(values.count), $0, nil, nil, 0) }
        }
    }

    private func prepare(_ statement: Statement) throws(SQLError) -> String {
        uses += 1
        if let known = prepared[statement] {
            prepared[statement]?.lastUse = uses
            return known.name
        }
        guard SQLParameters.highest(in: statement.sql) == statement.types.count else {
            throw SQLError(.failed, "\(statement.types.count) values for another number of parameters")
        }
        try makeRoom()
        let name = "s\(uses)"
        let types = statement.types
        _ = try checked { PQsendPrepare($0, name, statement.sql, Int32(types.count), types) }
        prepared[statement] = (name, uses)
        return name
    }

    private func makeRoom() throws(SQLError) {
        guard prepared.count >= Self.maximumPrepared,
            let oldest = prepared.min(by: { $0.value.lastUse < $1.value.lastUse })
        else { return }
        try run("DEALLOCATE \(oldest.value.name)")
        prepared[oldest.key] = nil
    }

    private func checked(_ send: (OpaquePointer) -> Int32) throws(SQLError) -> PostgresResult {
        let wasAlive = isAlive
        let result = wire.exchange(within: limit, send)
        if let result, result.isGood { return result }
        if wasAlive, wire.isOverdue { metrics.answerTimeouts.increment() }
        let state = result?.state ?? ""
        if SQLError.Code.isConflict(state: state) { isConflicted = true }
        if SQLError.Code.isOutdated(state: state) { isOutdated = true }
        if state == "57014", !isCanceled() { metrics.statementTimeouts.increment() }
        let error =
            if let result, isAlive {
                SQLError(SQLError.Code(state: state), "\(result.message) (\(state))")
            } else {
                SQLError(.unavailable, result?.message ?? wire.message)
            }
        failure = error
        throw error
    }
}
