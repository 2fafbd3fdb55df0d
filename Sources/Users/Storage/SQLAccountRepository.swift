package import Model
package import SQL
package import UsersCore

/// Accounts in a table.
package struct SQLAccountRepository: AccountRepository {
    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) {
        self.database = database
    }

    package func add(_ account: UserAccount) async throws(UsersError) {
        let values: [SQLValue] = [
            .id(account.id.value), .text(account.email.text), .text(account.passwordHash.revealed),
            .integer(account.generation), .json(JSONValue.object(account.metadata).text),
            .integer(account.created.components.seconds),
        ]
        try await write { session in
            try session.execute(
                """
                INSERT INTO accounts (id, email, password, generation, metadata, created)
                VALUES ($1, $2, $3, $4, $5, $6)
                """,
                values
            )
        }
    }

    package func account(_ id: Account.ID) async throws(UsersError) -> UserAccount? {
        try await first(where: "id = $1", .id(id.value))
    }

    package func account(email: EmailAddress) async throws(UsersError) -> UserAccount? {
        try await first(where: "email = $1", .text(email.text))
    }

    package func replaceMetadata(
        of id: Account.ID,
        with metadata: JSONObject
    ) async throws(UsersError) -> Bool {
        let values: [SQLValue] = [.id(id.value), .json(JSONValue.object(metadata).text)]
        return try await write { session in
            try session.execute("UPDATE accounts SET metadata = $2 WHERE id = $1", values)
        } == 1
    }

    package func replacePassword(
        of id: Account.ID,
        generation: Int64,
        with hash: Secret
    ) async throws(UsersError) -> Bool {
        let values: [SQLValue] = [.id(id.value), .integer(generation), .text(hash.revealed)]
        return try await write { session in
            try session.execute(
                """
                UPDATE accounts SET password = $3, generation = generation + 1
                WHERE id = $1 AND generation = $2
                """,
                values
            )
        } == 1
    }

    package func remove(_ id: Account.ID) async throws(UsersError) {
        try await write { session in
            try session.execute("DELETE FROM accounts WHERE id = $1", [.id(id.value)])
        }
    }

    private func first(where condition: String, _ value: SQLValue) async throws(UsersError) -> UserAccount? {
        do {
            return try await database.read(once: true) { session in
                let sql =
                    "SELECT id, email, password, generation, metadata, created FROM accounts WHERE \(condition)"
                return try session.query(sql, [value]).first.map(UserAccount.init)
            }
        } catch {
            throw UsersError(error)
        }
    }

    @discardableResult
    private func write(_ body: @escaping @Sendable (any SQLSession) throws -> Int) async throws(UsersError) -> Int {
        do {
            return try await database.write(body)
        } catch {
            throw UsersError(error)
        }
    }
}

extension UserAccount {
    fileprivate init(_ row: SQLRow) throws {
        guard
            let email = EmailAddress(try row.text("email")),
            case .object(let metadata) = try JSONValue(parsing: row.text("metadata"))
        else { throw SQLError(.malformedRow, "an account's e-mail or metadata") }
        self.init(
            id: try row.id("id", of: Account.self),
            email: email,
            passwordHash: Secret(try row.text("password")),
            generation: try row.integer("generation"),
            metadata: metadata,
            created: .seconds(try row.integer("created"))
        )
    }
}

extension UsersError {
    /// What went wrong in the database, in the words of the core.
    fileprivate init(_ error: any Error) {
        switch error {
        case let error as SQLError:
            switch error.code {
            case .uniqueViolation: self = .emailTaken
            case .unavailable: self = .unavailable(error.message)
            case .foreignKeyViolation, .malformedRow, .failed: self = .failed(error.description)
            }
        case is CancellationError: self = .unavailable("cancelled")
        default: self = .failed("\(error)")
        }
    }
}
