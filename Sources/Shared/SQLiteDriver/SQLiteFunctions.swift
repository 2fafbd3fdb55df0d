internal import Foundation
internal import GRDB
internal import Model

/// What PostgreSQL has and SQLite hasn't; ``SQLDialect`` calls them.
enum SQLiteFunctions {
    /// `json_contains(document, part)`: PostgreSQL's `@>`; false if either isn't JSON.
    static let jsonContains = DatabaseFunction("json_contains", argumentCount: 2, pure: true) { values in
        guard
            let document = String.fromDatabaseValue(values[0]), let part = String.fromDatabaseValue(values[1]),
            let whole = try? JSONValue(parsing: document), let wanted = try? JSONValue(parsing: part)
        else { return false }
        return whole.contains(wanted)
    }

    /// `fold(text)`: the text without letter case, for all of Unicode.
    static let fold = DatabaseFunction("fold", argumentCount: 1, pure: true) { values in
        String.fromDatabaseValue(values[0])?.lowercased()
    }

    /// `uuid(text)`: the sixteen bytes of an id; NULL if it is none.
    static let uuid = DatabaseFunction("uuid", argumentCount: 1, pure: true) { values in
        String.fromDatabaseValue(values[0]).flatMap { UniqueID($0) }.map { Data($0.bytes) }
    }
}
