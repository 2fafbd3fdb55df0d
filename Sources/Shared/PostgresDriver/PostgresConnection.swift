internal import CLibPQ
internal import Model
internal import SQL

/// One connection. Every call blocks; it is used by one thread at a time.
final class PostgresConnection {
    /// Statements kept prepared; beyond that the one used longest ago goes.
    private static let maximumPrepared = 256

    /// A statement as the server keeps it: the same text with other types of values is another.
    private struct Statement: Hashable {
        let sql: String
        let types: [Oid]
    }

    private let connection: OpaquePointer
    private var prepared: [Statement: (name: String, lastUse: UInt64)] = [:]
    private var uses: UInt64 = 0
    /// Whether another transaction was in the way of this one; whoever begins one clears it.
    private(set) var isConflicted = false
    /// What went wrong last in this transaction.
    private var failure: SQLError?

    /// Connects and logs in. Throws ``SQLError``, `unavailable`, if that can't be done; the password isn't in its words.
    init(_ configuration: PostgresConfiguration) throws(SQLError) {
        let parameters = configuration.parameters
        let connection = withCStrings(parameters.map(\.0)) { names in
            withCStrings(parameters.map(\.1)) { values in PQconnectdbParams(names, values, 0) }
        }
        guard let connection else { throw SQLError(.unavailable, "no memory for a connection") }
        guard PQstatus(connection) == CONNECTION_OK else {
            let message = text(PQerrorMessage(connection))
            PQfinish(connection)
            throw SQLError(.unavailable, message)
        }
        self.connection = connection
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        // The detail of an error names values.
        PQsetErrorVerbosity(connection, PQERRORS_TERSE)
    }

    deinit { PQfinish(connection) }

    /// Whether another statement can be tried on it.
    var isAlive: Bool { PQstatus(connection) == CONNECTION_OK }

    /// Whether what is prepared or connected to is no longer what it was: a new connection is needed.
    private(set) var isOutdated = false

    /// Whether a transaction is open.
    var isInTransaction: Bool { PQtransactionStatus(connection) != PQTRANS_IDLE }

    /// Commits. Throws what aborted the transaction if a body went on after it: PostgreSQL then rolls back, and calls that a
    /// success.
    func commit() throws(SQLError) {
        if PQtransactionStatus(connection) == PQTRANS_INERROR {
            throw failure ?? SQLError(.failed, "the transaction was aborted")
        }
        try run("COMMIT")
    }

    /// What ends the running statement, from any thread.
    func makeCancellation() -> PostgresCancellation? { PQgetCancel(connection).map(PostgresCancellation.init) }

    /// Begins a transaction.
    func begin(_ sql: String) throws(SQLError) {
        isConflicted = false
        failure = nil
        try run(sql)
    }

    // MARK: Statements

    /// Runs a statement without values.
    func run(_ sql: String) throws(SQLError) {
        let result = PostgresResult(PQexec(connection, sql))
        try check(result)
    }

    /// Runs a statement with values for `$1`, `$2` …, prepared at its first use.
    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> PostgresResult {
        let texts = try values.map { value throws(SQLError) in try value.parameter() }
        let name = try prepare(Statement(sql: sql, types: values.map(\.type)))
        let result = withCStrings(texts) { texts in
            PostgresResult(PQexecPrepared(connection, name, Int32(values.count), texts, nil, nil, 0))
        }
        try check(result)
        return result
    }

    private func prepare(_ statement: Statement) throws(SQLError) -> String {
        uses += 1
        if let known = prepared[statement] {
            prepared[statement]?.lastUse = uses
            return known.name
        }
        guard Self.parameters(in: statement.sql) == statement.types.count else {
            throw SQLError(.failed, "\(statement.types.count) values for another number of parameters")
        }
        try makeRoom()
        let name = "s\(uses)"
        let types = statement.types
        try check(PostgresResult(PQprepare(connection, name, statement.sql, Int32(types.count), types)))
        prepared[statement] = (name, uses)
        return name
    }

    /// The highest number behind a `$` that isn't in quotes.
    private static func parameters(in sql: String) -> Int {
        var highest = 0
        var isQuoted = false
        var number: Int?
        for byte in sql.utf8 {
            if let digits = number, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits < 100_000 {
                number = digits * 10 + Int(byte - UInt8(ascii: "0"))
                highest = max(highest, number ?? 0)
                continue
            }
            if byte == UInt8(ascii: "'") { isQuoted.toggle() }
            number = byte == UInt8(ascii: "$") && !isQuoted ? 0 : nil
        }
        return highest
    }

    private func makeRoom() throws(SQLError) {
        guard prepared.count >= Self.maximumPrepared,
            let oldest = prepared.min(by: { $0.value.lastUse < $1.value.lastUse })
        else { return }
        try run("DEALLOCATE \(oldest.value.name)")
        prepared[oldest.key] = nil
    }

    private func check(_ result: PostgresResult) throws(SQLError) {
        guard !result.isGood else { return }
        let state = result.state
        if SQLError.Code.isConflict(state: state) { isConflicted = true }
        if SQLError.Code.isOutdated(state: state) { isOutdated = true }
        let error =
            isAlive && !state.isEmpty
            ? SQLError(SQLError.Code(state: state), "\(result.message) (\(state))")
            : SQLError(.unavailable, text(PQerrorMessage(connection)))
        failure = error
        throw error
    }
}

/// Ends the statement that runs on a connection, from any thread, also after the connection is gone.
final class PostgresCancellation: @unchecked Sendable {
    /// Made once, read only; libpq allows its use from any thread.
    private let cancel: OpaquePointer

    fileprivate init(_ cancel: OpaquePointer) { self.cancel = cancel }

    deinit { PQfreeCancel(cancel) }

    func callAsFunction() {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            _ = PQcancel(cancel, buffer.baseAddress, Int32(buffer.count))
        }
    }
}

/// Text of libpq, on one line.
func text(_ message: UnsafePointer<CChar>?) -> String {
    guard let message else { return "" }
    return String(cString: message).split(whereSeparator: \.isNewline).joined(separator: " ")
}

/// Calls the body with the texts as a list of C strings that ends with a null.
private func withCStrings<Value>(
    _ texts: [String?],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Value
) -> Value {
    var bytes: [CChar] = []
    var starts: [Int?] = []
    for text in texts {
        starts.append(text == nil ? nil : bytes.count)
        if let text { bytes.append(contentsOf: text.utf8CString) }
    }
    return bytes.withUnsafeBufferPointer { bytes in
        let pointers = starts.map { start in start.flatMap { bytes.baseAddress?.advanced(by: $0) } } + [nil]
        return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
