internal import Foundation
internal import GRDB
internal import Model

/// What PostgreSQL has and SQLite hasn't; ``SQLDialect`` calls them.
enum SQLiteFunctions {
    /// `json_contains(document, part)`: PostgreSQL's `@>`; false if either isn't JSON.
    static let jsonContains = DatabaseFunction("json_contains", argumentCount: 2, pure: true) { values in
        guard
            let document = String.fromDatabaseValue(values[0]), let part = String.fromDatabaseValue(values[1]),
            let whole = try? JSONDecoder().decode(JSONValue.self, from: Data(document.utf8)),
            let wanted = try? JSONDecoder().decode(JSONValue.self, from: Data(part.utf8))
        else { return false }
        return whole.contains(wanted)
    }

    /// `fold(text)`: the text without letter case, for all of Unicode.
    static let fold = DatabaseFunction("fold", argumentCount: 1, pure: true) { values in
        String.fromDatabaseValue(values[0])?.lowercased()
    }
}
