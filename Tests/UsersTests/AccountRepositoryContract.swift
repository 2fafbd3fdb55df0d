import Model
import SQL
import TestSupport
import Testing
import UsersCore
import UsersStorage

/// What every account repository does.
@Suite struct AccountRepositoryContract {
    enum Backend: Sendable {
        case memory
        case sql(SQLEngine)

        static var allCases: [Backend] { [.memory] + SQLEngine.available.map { .sql($0) } }
    }

    @Test(arguments: Backend.allCases)
    func findsWhatWasAdded(_ backend: Backend) async throws {
        try await backend.withRepository { accounts in
            let account = UserAccount.sample("jane", metadata: ["a": .array([.integer(1), .null, .string("é😀\"")])])

            try await accounts.add(account)

            #expect(try await accounts.account(account.id) == account)
            #expect(try await accounts.account(email: .sample("jane")) == account)
            #expect(try await accounts.account(.random()) == nil)
            #expect(try await accounts.account(email: .sample("Jane")) == nil)
        }
    }

    @Test(arguments: Backend.allCases)
    func keepsAnEmailOnce(_ backend: Backend) async throws {
        try await backend.withRepository { accounts in
            let first = UserAccount.sample("jane")
            try await accounts.add(first)

            await #expect(throws: UsersError.emailTaken) { try await accounts.add(.sample("jane")) }

            try await accounts.add(.sample("Jane"))
            #expect(try await accounts.account(email: .sample("jane")) == first)
        }
    }

    @Test(arguments: Backend.allCases)
    func replacesMetadataOfAnAccountThatIsThere(_ backend: Backend) async throws {
        try await backend.withRepository { accounts in
            let account = UserAccount.sample("jane", metadata: ["a": .integer(1)])
            try await accounts.add(account)

            #expect(try await accounts.replaceMetadata(of: account.id, with: ["b": .bool(true)]))
            #expect(try await !accounts.replaceMetadata(of: .random(), with: [:]))

            #expect(try await accounts.account(account.id)?.metadata == ["b": .bool(true)])
        }
    }

    @Test(arguments: Backend.allCases)
    func replacesAPasswordOfTheGenerationThatWasRead(_ backend: Backend) async throws {
        try await backend.withRepository { accounts in
            let account = UserAccount.sample("jane")
            try await accounts.add(account)

            #expect(try await accounts.replacePassword(of: account.id, generation: 1, with: Secret("new")))
            #expect(try await !accounts.replacePassword(of: account.id, generation: 1, with: Secret("newer")))
            #expect(try await !accounts.replacePassword(of: .random(), generation: 1, with: Secret("new")))

            let kept = try await accounts.account(account.id)
            #expect(kept?.passwordHash == Secret("new"))
            #expect(kept?.generation == 2)
        }
    }

    @Test(arguments: Backend.allCases)
    func removesAnAccountOnce(_ backend: Backend) async throws {
        try await backend.withRepository { accounts in
            let (account, other) = (UserAccount.sample("jane"), UserAccount.sample("joe"))
            try await accounts.add(account)
            try await accounts.add(other)

            try await accounts.remove(account.id)
            try await accounts.remove(account.id)

            #expect(try await accounts.account(account.id) == nil)
            #expect(try await accounts.account(other.id) == other)
            try await accounts.add(.sample("jane"))
        }
    }
}

extension AccountRepositoryContract.Backend {
    func withRepository(_ body: (any AccountRepository) async throws -> Void) async throws {
        switch self {
        case .memory:
            try await body(InMemoryAccountRepository())
        case .sql(let engine):
            let database = try await engine.database()
            try await database.migrate(UsersMigrations.all)
            try await body(SQLAccountRepository(database))
        }
    }
}

extension UserAccount {
    static func sample(_ name: String, metadata: JSONObject = [:]) -> Self {
        Self(
            id: .random(),
            email: .sample(name),
            passwordHash: Secret("hash of \(name)"),
            metadata: metadata,
            created: .seconds(1_700_000_000)
        )
    }
}
