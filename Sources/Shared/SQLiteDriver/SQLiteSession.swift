internal import Foundation
internal import GRDB
internal import Model
internal import SQL

/// A ``SQLSession`` on GRDB's connection. Parameters are bound by name, because `$1` is a name to SQLite.
struct SQLiteSession: SQLSession {
    let database: GRDB.Database

    var dialect: SQLDialect { .sqlite }

    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int {
        do {
            let statement = try database.cachedStatement(sql: sql)
            try statement.execute(arguments: arguments(values))
            return database.changesCount
        } catch {
            throw SQLError(error)
        }
    }

    func query(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> [SQLRow] {
        do {
            let statement = try database.cachedStatement(sql: sql)
            return try Row.fetchAll(statement, arguments: arguments(values)).map(SQLRow.init)
        } catch {
            throw SQLError(error)
        }
    }

    private func arguments(_ values: [SQLValue]) -> StatementArguments {
        var named: [String: (any DatabaseValueConvertible)?] = [:]
        for (index, value) in values.enumerated() { named["\(index + 1)"] = value.databaseValue }
        return StatementArguments(named)
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

extension SQLRow {
    fileprivate init(_ row: Row) {
        var values: [String: SQLValue] = [:]
        for (column, value) in row {
            values[column] =
                switch value.storage {
                case .null: .null
                case .int64(let number): .integer(number)
                case .double(let number): .text("\(number)")
                case .string(let text): .text(text)
                case .blob(let data): .blob([UInt8](data))
                }
        }
        self.init(values)
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
