/// What differs between the two engines; everything else is written once.
package enum SQLDialect: Sendable {
    case sqlite
    case postgres

    /// Most parameters in one statement that both engines take.
    package static let maximumParameters = 32_000

    /// How many rows of so many columns one statement inserts: a power of two. SQLite has no round trips to save, and
    /// looks parameters up one by one while it prepares a statement.
    func rowsAtOnce(columns: Int) -> Int {
        let parameters =
            switch self {
            case .sqlite: 512
            case .postgres: Self.maximumParameters
            }
        var rows = 1
        while rows * 2 * columns <= parameters { rows *= 2 }
        return rows
    }

    /// Column type of a ``SQLValue/id(_:)``.
    package var idType: String {
        switch self {
        case .sqlite: "BLOB"
        case .postgres: "UUID"
        }
    }

    /// Column type of a primary key that the engine counts; a number isn't given twice.
    package var serialType: String {
        switch self {
        case .sqlite: "INTEGER PRIMARY KEY AUTOINCREMENT"
        case .postgres: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
        }
    }

    /// Column type of a ``SQLValue/json(_:)``.
    package var jsonType: String {
        switch self {
        case .sqlite: "TEXT"
        case .postgres: "JSONB"
        }
    }

    /// Column type of a ``SQLValue/blob(_:)``.
    package var blobType: String {
        switch self {
        case .sqlite: "BLOB"
        case .postgres: "BYTEA"
        }
    }

    /// Makes the transaction end before the disk has it, if the engine can: a crash of the machine may undo it.
    package var endsBeforeItIsStored: String? {
        switch self {
        case .sqlite: nil
        case .postgres: "SET LOCAL synchronous_commit = off"
        }
    }

    /// Whether the JSON in a column contains the JSON in a parameter, as PostgreSQL's `@>` says it.
    package func jsonContains(_ column: String, _ parameter: String) -> String {
        switch self {
        case .sqlite: "json_contains(\(column), \(parameter))"
        case .postgres: "\(column) @> \(parameter)::jsonb"
        }
    }

    /// Whether the id in a column is one of those in a parameter (``SQLValue/ids(_:)``).
    package func idIsAmong(_ column: String, _ parameter: String) -> String {
        switch self {
        case .sqlite: "\(column) IN (SELECT uuid(value) FROM json_each(\(parameter)))"
        case .postgres: "\(column) = ANY (ARRAY(SELECT jsonb_array_elements_text(\(parameter)::jsonb)::uuid))"
        }
    }

    /// Whether the text in a column contains the text in a parameter, in any letter case and without wildcards.
    package func textContains(_ column: String, _ parameter: String) -> String {
        switch self {
        case .sqlite: "instr(fold(\(column)), fold(\(parameter))) > 0"
        case .postgres: "position(lower(\(parameter)) in lower(\(column))) > 0"
        }
    }
}
