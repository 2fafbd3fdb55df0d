/// What went wrong between us and the database.
package struct SQLError: Error, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// A UNIQUE or PRIMARY KEY constraint (SQLSTATE 23505).
        case uniqueViolation
        /// A FOREIGN KEY constraint (SQLSTATE 23503).
        case foreignKeyViolation
        /// No connection, no room, busy for too long: the same statement may succeed later.
        case unavailable
        /// A row isn't what the code expects.
        case malformedRow
        /// Anything else.
        case failed
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package static func malformedRow(_ column: String) -> Self {
        Self(.malformedRow, "column '\(column)' is missing or of another type")
    }

    package var description: String { "\(code): \(message)" }
}
