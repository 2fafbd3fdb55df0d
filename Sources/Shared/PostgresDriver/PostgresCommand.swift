internal import CLibPQ
internal import SQL

/// A statement as the server keeps it: the same text with other types of values is another.
struct PostgresStatement: Hashable {
    let sql: String
    let types: [Oid]
}

/// What is sent to the server, to be answered once.
enum PostgresCommand {
    /// A statement without values.
    case plain(String)
    case prepare(PostgresStatement, name: String)
    case execute(name: String, PostgresValues)

    /// Leaves it with libpq. False: it can't be sent.
    func send(over connection: OpaquePointer) -> Bool {
        switch self {
        case .plain(let sql):
            PQsendQueryParams(connection, sql, 0, nil, nil, nil, nil, 1) == 1
        case .prepare(let statement, let name):
            PQsendPrepare(connection, name, statement.sql, Int32(statement.types.count), statement.types) == 1
        case .execute(let name, let values):
            values.withPointers { PQsendQueryPrepared(connection, name, values.count, $0, $1, $2, 1) } == 1
        }
    }
}
