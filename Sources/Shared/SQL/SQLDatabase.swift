/// Where the services keep their rows: SQLite in one process, PostgreSQL between processes.
///
/// Bodies run on the driver's own threads, so they may block; they must not wait for anything but their session
/// where nothing else is said.
package protocol SQLDatabase: Sendable {
    /// Runs the body on a session that sees one state of the data.
    ///
    /// - Parameter once: whether the body runs one statement, which is answered sooner than more would be; another throws.
    func read<Value: Sendable>(
        once: Bool,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value

    /// Runs the body as one transaction: committed if it returns, rolled back if it throws.
    func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value

    /// Runs the body as one transaction that no other with the same lock runs beside, in whatever program. Each statement
    /// sees what was committed before it. The body may wait for some seconds for something else.
    func writeAlone<Value: Sendable>(
        as lock: DatabaseLock,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value

    /// Applies the migrations that this database hasn't seen, in their order, each once, alone even if several programs
    /// start at the same time.
    func migrate(_ migrations: [Migration]) async throws
}

extension SQLDatabase {
    /// Runs the body, with any number of statements, on a session that sees one state of the data.
    package func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await read(once: false, body)
    }
}

/// One connection inside one ``SQLDatabase/read(once:_:)`` or ``SQLDatabase/write(_:)``.
///
/// Drivers keep statements prepared by their text, so a text must not be made of data: no list of varying length in it
/// (``SQLDialect/idIsAmong(_:_:)`` is for that).
package protocol SQLSession {
    var dialect: SQLDialect { get }

    /// Runs a statement with `$1`, `$2` … bound in order, and answers how many rows it changed.
    @discardableResult
    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int

    /// Runs a statement with `$1`, `$2` … bound in order, whose answer nobody needs. It may go out together with the next one:
    /// what goes wrong with it may be thrown by that, or by the end of the transaction.
    func run(_ sql: String, _ values: [SQLValue]) throws(SQLError)

    /// Runs a statement with `$1`, `$2` … bound in order, and answers its rows.
    func query(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> [SQLRow]
}

extension SQLSession {
    package func run(_ sql: String, _ values: [SQLValue]) throws(SQLError) { try execute(sql, values) }

    /// Inserts the rows, each with a value for every column.
    ///
    /// Statements are kept prepared by their text, so the rows go in portions of powers of two: however many there are,
    /// few texts come to be.
    /// - Parameter onConflict: what follows `ON CONFLICT`, if anything.
    package func insert(
        into table: String,
        columns: [String],
        rows: [[SQLValue]],
        onConflict: String? = nil
    ) throws(SQLError) {
        var portion = dialect.rowsAtOnce(columns: columns.count)
        var start = 0
        while start < rows.count {
            while portion > rows.count - start { portion /= 2 }
            let sql = Self.insertion(into: table, columns: columns, rowCount: portion, onConflict: onConflict)
            try run(sql, Array(rows[start..<start + portion].joined()))
            start += portion
        }
    }

    private static func insertion(into table: String, columns: [String], rowCount: Int, onConflict: String?) -> String {
        var sql = "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES "
        for row in 0..<rowCount {
            sql += row == 0 ? "(" : ", ("
            for column in 1...columns.count {
                sql += column == 1 ? "$" : ", $"
                sql += String(row * columns.count + column)
            }
            sql += ")"
        }
        if let onConflict { sql += " ON CONFLICT \(onConflict)" }
        return sql
    }

    /// Applies the migrations whose names aren't in the table of those applied, in their order. Both drivers call it in
    /// one transaction that keeps every other program from doing the same.
    package func apply(_ migrations: [Migration]) throws {
        try execute("CREATE TABLE IF NOT EXISTS schema_migrations (name TEXT PRIMARY KEY)", [])
        let applied = Set(try query("SELECT name FROM schema_migrations", []).map { row in try row.text("name") })
        for migration in migrations where !applied.contains(migration.name) {
            for statement in migration.statements(dialect) { try execute(statement, []) }
            try execute("INSERT INTO schema_migrations (name) VALUES ($1)", [.text(migration.name)])
        }
    }
}

/// What one transaction at a time may do.
package struct DatabaseLock: Sendable {
    /// Of PostgreSQL's advisory locks; nobody else's.
    package let number: Int64

    package init(_ number: Int64) { self.number = number }
}

/// A change of the schema, applied once and never edited afterwards.
package struct Migration: Sendable {
    package let name: String
    package let statements: @Sendable (SQLDialect) -> [String]

    /// - Parameter name: unique within the database, as `users_1`.
    package init(_ name: String, _ statements: @escaping @Sendable (SQLDialect) -> [String]) {
        self.name = name
        self.statements = statements
    }
}
