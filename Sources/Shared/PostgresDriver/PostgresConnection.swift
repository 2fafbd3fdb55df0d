internal import CLibPQ
internal import CoreMetrics
internal import Model
internal import SQL

/// One connection. Every call blocks, but for as long as it may and no longer; it is used by one thread at a time.
final class PostgresConnection {
    /// Statements kept prepared; beyond that the one used longest ago goes.
    private static let maximumPrepared = 256

    private let wire: PostgresWire
    private let metrics: PostgresMetrics
    /// How long a statement may take, answer included.
    private let usualLimit: Duration
    private var limit: Duration
    private var prepared: [PostgresStatement: (name: String, lastUse: UInt64)] = [:]
    /// What goes out with the next statement whose answer is waited for.
    private var queue: [PostgresCommand] = []
    private var uses: UInt64 = 0
    private var statementsLeft = Int.max
    /// Whether another transaction was in the way of this one; whoever begins one clears it.
    private(set) var isConflicted = false
    /// What went wrong last in this transaction.
    private var failure: SQLError?
    /// Whether the server has neither answered anything in this transaction nor been told to commit it.
    private(set) var isUntouched = true
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
    var isReusable: Bool { isAlive && !isOutdated && wire.isIdle }

    /// Why it can't be used any more.
    var loss: String { isAlive ? "the connection was no longer in order" : wire.message }

    /// Whether the other end is still there, as far as that can be told without asking it.
    func look() -> Bool { wire.look() }

    // MARK: Transactions

    /// Begins a transaction, with its first statement. Throws if the other end is known to have gone.
    ///
    /// - Parameters:
    ///   - sql: nil: the one statement of the transaction is one by itself.
    ///   - limit: how long each of its statements may take, answer included; nil: as usual.
    func begin(_ sql: String?, limit: Duration?) throws(SQLError) {
        (isConflicted, isUntouched, failure) = (false, true, nil)
        self.limit = limit ?? usualLimit
        statementsLeft = sql == nil ? 1 : Int.max
        guard wire.look() else { throw SQLError(.unavailable, wire.message) }
        queue = sql.map { [.plain($0)] } ?? []
    }

    /// Commits. Throws what aborted the transaction if a body went on after it: PostgreSQL then rolls back, and calls
    /// that a success.
    func commit() throws(SQLError) {
        if let failure { throw failure }
        try refuseIfCanceled()
        guard !wire.isIdle || !queue.isEmpty else { return }
        isUntouched = false
        try exchange(.plain("COMMIT"))
    }

    /// Rolls back. Whether that went well, ``isReusable`` says.
    func rollBack() {
        forget(queue)
        queue = []
        if !wire.isIdle { _ = try? exchange(.plain("ROLLBACK")) }
    }

    private func refuseIfCanceled() throws(SQLError) {
        if isCanceled() { throw SQLError(.unavailable, "canceled") }
    }

    // MARK: Statements

    /// Runs a statement with values for `$1`, `$2` …, prepared at its first use. Throws if the caller has gone, or what one
    /// ran into that was put off.
    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> PostgresResult {
        try exchange(command(sql, values))
    }

    /// Puts a statement off until the next that is executed, or the commit.
    func putOff(_ sql: String, _ values: [SQLValue]) throws(SQLError) {
        queue.append(try command(sql, values))
    }

    private func command(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> PostgresCommand {
        try refuseIfCanceled()
        guard statementsLeft > 0 else { throw SQLError(.failed, "more than the one statement that was announced") }
        statementsLeft -= 1
        let parameters = try PostgresValues(values)
        return .execute(name: try prepare(PostgresStatement(sql: sql, types: values.map(\.type))), parameters)
    }

    private func prepare(_ statement: PostgresStatement) throws(SQLError) -> String {
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
        queue.append(.prepare(statement, name: name))
        prepared[statement] = (name, uses)
        return name
    }

    private func makeRoom() throws(SQLError) {
        guard prepared.count >= Self.maximumPrepared,
            let oldest = prepared.min(by: { $0.value.lastUse < $1.value.lastUse })
        else { return }
        try exchange(.plain("DEALLOCATE \(oldest.value.name)"))
        prepared[oldest.key] = nil
    }

    /// Forgets what was to be prepared and wasn't.
    private func forget(_ commands: some Sequence<PostgresCommand>) {
        for case .prepare(let statement, _) in commands { prepared[statement] = nil }
    }

    /// Sends what was put off, and the command behind it, whose answer it is.
    @discardableResult
    private func exchange(_ command: PostgresCommand) throws(SQLError) -> PostgresResult {
        let commands = queue + [command]
        queue = []
        let wasAlive = isAlive
        let answers = wire.exchange(commands, within: limit)
        if answers.first?.isGood ?? false { isUntouched = false }
        let good = answers.prefix(while: \.isGood)
        if good.count == commands.count, let answer = good.last { return answer }
        forget(commands.dropFirst(good.count))
        if wasAlive, wire.isOverdue { metrics.answerTimeouts.increment() }
        let error = error(answers.dropFirst(good.count).first)
        failure = failure ?? error
        throw error
    }

    /// - Parameter answer: what the server said; nil: nothing.
    private func error(_ answer: PostgresResult?) -> SQLError {
        let state = answer?.state ?? ""
        if SQLError.Code.isConflict(state: state) { isConflicted = true }
        if SQLError.Code.isOutdated(state: state) { isOutdated = true }
        if state == "57014", !isCanceled() { metrics.statementTimeouts.increment() }
        guard let answer, isAlive else { return SQLError(.unavailable, answer?.message ?? wire.message) }
        return SQLError(SQLError.Code(state: state), "\(answer.message) (\(state))")
    }
}
