internal import SQL

/// A ``SQLSession`` on one connection.
struct PostgresSession: SQLSession {
    let connection: PostgresConnection

    var dialect: SQLDialect { .postgres }

    func execute(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> Int {
        try connection.execute(sql, values).changes
    }

    func run(_ sql: String, _ values: [SQLValue]) throws(SQLError) {
        try connection.putOff(sql, values)
    }

    func query(_ sql: String, _ values: [SQLValue]) throws(SQLError) -> [SQLRow] {
        try connection.execute(sql, values).rows
    }
}
