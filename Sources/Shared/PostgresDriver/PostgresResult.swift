internal import CLibPQ
internal import Model
internal import SQL

/// What a statement was answered; freed with its owner.
final class PostgresResult {
    private let result: OpaquePointer

    init(_ result: OpaquePointer) { self.result = result }

    deinit { PQclear(result) }

    /// Rows that were changed.
    var changes: Int { Int(text(PQcmdTuples(result))) ?? 0 }

    var rows: [SQLRow] {
        let count = PQnfields(result)
        let types = (0..<count).map { PQftype(result, $0) }
        let columns = SQLColumns((0..<count).map { text(PQfname(result, $0)) })
        return (0..<PQntuples(result)).map { row in
            SQLRow(columns, (0..<count).map { value(row, $0, types[Int($0)]) })
        }
    }

    private func value(_ row: Int32, _ column: Int32, _ type: Oid) -> SQLValue {
        guard PQgetisnull(result, row, column) == 0, let start = PQgetvalue(result, row, column) else { return .null }
        return SQLValue(UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column))), type)
    }

    // MARK: Errors

    var isGood: Bool {
        let status = PQresultStatus(result)
        return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
    }

    /// Whether it ends the answers to what was sent together.
    var isSync: Bool { PQresultStatus(result) == PGRES_PIPELINE_SYNC }

    /// Whether it begins a COPY.
    var isCopy: Bool { [PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH].contains(PQresultStatus(result)) }

    /// The server's SQLSTATE; empty if it said none.
    var state: String { text(PQresultErrorField(result, Int32(UInt8(ascii: "C")))) }

    /// What the server said, but none of the values that were given to it.
    var message: String {
        // The detail would name them. Errors of this class quote what can't be read, or is out of range.
        if state.hasPrefix("22") { return "a value that the server can't take" }
        return text(PQresultErrorField(result, Int32(UInt8(ascii: "M"))))
    }
}

extension SQLError.Code {
    /// Whether the same transaction may succeed at once: another one was in the way, or both in each other's.
    static func isConflict(state: String) -> Bool { state == "40001" || state == "40P01" }

    /// Whether the connection should go: a plan that changed under a prepared statement, one that the server has
    /// forgotten, a server that has become a standby.
    static func isOutdated(state: String) -> Bool { ["0A000", "26000", "25006"].contains(state) }

    /// Of an SQLSTATE (PostgreSQL, appendix A).
    init(state: String) {
        switch state {
        case "23505": self = .uniqueViolation
        case "23503": self = .foreignKeyViolation
        case "40001", "40P01": self = .unavailable
        case "08P01": self = .failed
        // Canceled, too slow; read-only since it is a standby now; a lock that isn't free.
        case "57014", "25006", "55P03": self = .unavailable
        default:
            // No connection; no resources; an operator or a shutdown.
            self = ["08", "53", "57"].contains(state.prefix(2)) ? .unavailable : .failed
        }
    }
}
