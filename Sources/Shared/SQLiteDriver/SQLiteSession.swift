internal import Foundation
internal import GRDB
internal import Model
internal import SQL

/// A ``SQLSession`` on GRDB's connection.
///
/// `$1` is a name to SQLite, numbered by its first appearance, while `?1` is a number: so the one is made the other.
struct SQLiteSession: SQLSession {
    let database: GRDB.Database

    var dialect: SQLDialect { .sqlite }

    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int {
        do {
            let statement = try database.cachedStatement(sql: Self.numbered(sql))
            try statement.execute(arguments: Self.arguments(values))
            return database.changesCount
        } catch {
            throw SQLError(error)
        }
    }

    func query(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> [SQLRow] {
        do {
            let statement = try database.cachedStatement(sql: Self.numbered(sql))
            let columns = SQLColumns(statement.columnNames)
            var rows: [SQLRow] = []
            let cursor = try Row.fetchCursor(statement, arguments: Self.arguments(values))
            while let row = try cursor.next() { rows.append(SQLRow(columns, row.databaseValues.map(SQLValue.init))) }
            return rows
        } catch {
            throw SQLError(error)
        }
    }

    private static func arguments(_ values: [SQLValue]) -> StatementArguments {
        StatementArguments(values.map(\.databaseValue))
    }

    /// The statement with `?` for the `$` of its parameters.
    private static func numbered(_ sql: String) -> String {
        var bytes = Array(sql.utf8)
        SQLParameters.forEach(in: sql) { offset, _ in bytes[offset] = UInt8(ascii: "?") }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension SQLValue {
    fileprivate var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .text(let text), .json(let text): text.databaseValue
        case .blob(let bytes): Data(bytes).databaseValue
        case .id(let id): Data(id.bytes).databaseValue
        }
    }
}

extension SQLValue {
    fileprivate init(_ value: DatabaseValue) {
        self =
            switch value.storage {
            case .null: .null
            case .int64(let number): .integer(number)
            case .double(let number): .text("\(number)")
            case .string(let text): .text(text)
            case .blob(let data): .blob([UInt8](data))
            }
    }
}

extension SQLError {
    /// Anything that isn't GRDB's own is an error of ours, passed on as a failure.
    init(_ error: any Error) {
        switch error {
        case let error as SQLError:
            self = error
        case let error as GRDB.DatabaseError:
            self.init(Self.code(of: error), error.message ?? "\(error.resultCode)")
        default:
            self.init(.failed, "\(error)")
        }
    }

    private static func code(of error: GRDB.DatabaseError) -> Code {
        switch error.extendedResultCode {
        case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY: .uniqueViolation
        case .SQLITE_CONSTRAINT_FOREIGNKEY: .foreignKeyViolation
        default:
            switch error.resultCode {
            case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_READONLY:
                .unavailable
            default: .failed
            }
        }
    }
}
