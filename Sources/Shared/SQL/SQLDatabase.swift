/// Where the services keep their rows: SQLite in one process, PostgreSQL between processes.
///
/// Bodies run on the driver's own threads, so they may block; they must not wait for anything but their session.
package protocol SQLDatabase: Sendable {
    /// Runs the body on a session that sees one state of the data.
    func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value

    /// Runs the body as one transaction: committed if it returns, rolled back if it throws.
    func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value

    /// Applies the migrations that this database hasn't seen, in their order, each once, alone even if several programs
    /// start at the same time.
    func migrate(_ migrations: [Migration]) async throws
}

/// One connection inside one ``SQLDatabase/read(_:)`` or ``SQLDatabase/write(_:)``.
package protocol SQLSession {
    var dialect: SQLDialect { get }

    /// Runs a statement with `$1`, `$2` … bound in order, and answers how many rows it changed.
    @discardableResult
    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int

    /// Runs a statement with `$1`, `$2` … bound in order, and answers its rows.
    func query(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> [SQLRow]
}

extension SQLSession {
    /// Inserts the rows, each with a value for every column, in as few statements as the parameter limit allows.
    package func insert(into table: String, columns: [String], rows: [[SQLValue]]) throws(SQLError) {
        let rowsAtOnce = max(1, SQLDialect.maximumParameters / columns.count)
        var start = 0
        while start < rows.count {
            let batch = rows[start..<min(start + rowsAtOnce, rows.count)]
            let tuples = (0..<batch.count).map { row in
                "(" + (1...columns.count).map { "$\(row * columns.count + $0)" }.joined(separator: ", ") + ")"
            }
            let sql =
                "INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES \(tuples.joined(separator: ", "))"
            try execute(sql, Array(batch.joined()))
            start += rowsAtOnce
        }
    }
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
