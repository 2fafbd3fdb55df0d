package import Model

/// A value that goes into a statement or comes out of a row.
package enum SQLValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])
    /// Sixteen bytes; a UUID where the engine has one.
    case id(UniqueID)
    /// A JSON text; JSONB where the engine has it.
    case json(String)
}

extension SQLValue {
    /// Many ids as one parameter, for ``SQLDialect/idIsAmong(_:_:)``.
    package static func ids<Subject>(_ ids: some Sequence<TypedID<Subject>>) -> Self {
        .json("[" + ids.map { "\"\($0)\"" }.joined(separator: ",") + "]")
    }
}

/// The names of an answer's columns, the same for all its rows.
package struct SQLColumns: Sendable {
    /// Few and short: looking through them is faster than hashing.
    fileprivate let names: [String]

    package init(_ names: [String]) { self.names = names }
}

/// One row of an answer, read by column name.
package struct SQLRow: Sendable {
    private let columns: SQLColumns
    private let values: [SQLValue]

    /// - Parameter values: one for each column, in their order.
    package init(_ columns: SQLColumns, _ values: [SQLValue]) {
        self.columns = columns
        self.values = values
    }

    /// The value of a column, or nil if it is NULL. Throws ``SQLError`` if there is no such column.
    package func value(_ column: String) throws(SQLError) -> SQLValue? {
        guard let position = columns.names.firstIndex(of: column), position < values.count else {
            throw .malformedRow(column)
        }
        let value = values[position]
        return value == .null ? nil : value
    }

    package func text(_ column: String) throws(SQLError) -> String {
        switch try value(column) {
        case .text(let text), .json(let text): text
        default: throw .malformedRow(column)
        }
    }

    package func integer(_ column: String) throws(SQLError) -> Int64 {
        guard case .integer(let number) = try value(column) else { throw .malformedRow(column) }
        return number
    }

    package func blob(_ column: String) throws(SQLError) -> [UInt8] {
        guard case .blob(let bytes) = try value(column) else { throw .malformedRow(column) }
        return bytes
    }

    package func id<Subject>(_ column: String, of subject: Subject.Type) throws(SQLError) -> TypedID<Subject> {
        switch try value(column) {
        case .id(let id): return TypedID(id)
        case .blob(let bytes):
            guard let id = UniqueID(bytes: bytes) else { throw .malformedRow(column) }
            return TypedID(id)
        default: throw .malformedRow(column)
        }
    }
}
