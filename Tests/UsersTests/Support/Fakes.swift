import Model
import Synchronization
import UsersCore

/// Accounts in a dictionary.
final class InMemoryAccountRepository: AccountRepository {
    private let accounts = Mutex<[Account.ID: UserAccount]>([:])

    func add(_ account: UserAccount) async throws(UsersError) {
        let isNew = accounts.withLock { accounts in
            guard !accounts.values.contains(where: { $0.email == account.email }) else { return false }
            accounts[account.id] = account
            return true
        }
        if !isNew { throw .emailTaken }
    }

    func account(_ id: Account.ID) async throws(UsersError) -> UserAccount? {
        accounts.withLock { $0[id] }
    }

    func account(email: EmailAddress) async throws(UsersError) -> UserAccount? {
        accounts.withLock { accounts in accounts.values.first { $0.email == email } }
    }

    func replaceMetadata(of id: Account.ID, with metadata: JSONObject) async throws(UsersError) -> Bool {
        accounts.withLock { accounts in
            accounts[id]?.metadata = metadata
            return accounts[id] != nil
        }
    }

    func replacePassword(of id: Account.ID, generation: Int64, with hash: Secret) async throws(UsersError) -> Bool {
        accounts.withLock { accounts in
            guard accounts[id]?.generation == generation else { return false }
            accounts[id]?.passwordHash = hash
            accounts[id]?.generation += 1
            return true
        }
    }

    func remove(_ id: Account.ID) async throws(UsersError) {
        accounts.withLock { $0[id] = nil }
    }
}

/// Accounts out of reach.
struct UnreachableAccounts: AccountRepository {
    func add(_ account: UserAccount) async throws(UsersError) { throw .unavailable("down") }
    func account(_ id: Account.ID) async throws(UsersError) -> UserAccount? { throw .unavailable("down") }
    func account(email: EmailAddress) async throws(UsersError) -> UserAccount? { throw .unavailable("down") }

    func replaceMetadata(of id: Account.ID, with metadata: JSONObject) async throws(UsersError) -> Bool {
        throw .unavailable("down")
    }

    func replacePassword(of id: Account.ID, generation: Int64, with hash: Secret) async throws(UsersError) -> Bool {
        throw .unavailable("down")
    }

    func remove(_ id: Account.ID) async throws(UsersError) { throw .unavailable("down") }
}

/// Keeps passwords as they are, and counts the work that hashing would have been.
final class PlainHasher: PasswordHasher {
    private let work = Mutex(0)
    private let isBusy: Bool

    init(isBusy: Bool = false) {
        self.isBusy = isBusy
    }

    var workDone: Int { work.withLock { $0 } }

    func hash(_ password: Secret) async throws(UsersError) -> Secret {
        try compute()
        return password
    }

    func verify(_ password: Secret, against hash: Secret?) async throws(UsersError) -> Bool {
        try compute()
        return password == hash
    }

    private func compute() throws(UsersError) {
        if isBusy { throw .busy }
        work.withLock { $0 += 1 }
    }
}

/// Tokens that are looked up.
final class InMemoryTokens: TokenIssuer {
    private let claims = Mutex<[String: TokenClaims]>([:])

    func issue(_ claims: TokenClaims) async throws(UsersError) -> Secret {
        self.claims.withLock { all in
            let token = "token-\(all.count)"
            all[token] = claims
            return Secret(token)
        }
    }

    func read(_ token: Secret) async -> TokenClaims? {
        claims.withLock { $0[token.revealed] }
    }
}

/// Counts what has been removed; fails as often as it is told to.
final class InMemoryResources: OwnedResources {
    private let state: Mutex<(removed: [(account: Account.ID, time: ContinuousClock.Instant)], failures: Int)>

    init(failures: Int = 0) {
        self.state = Mutex(([], failures))
    }

    var removed: [Account.ID] { removals.map(\.account) }
    var removals: [(account: Account.ID, time: ContinuousClock.Instant)] { state.withLock { $0.removed } }

    func removeAll(ownedBy account: Account.ID) async throws(UsersError) {
        let fails = state.withLock { state in
            guard state.failures == 0 else {
                state.failures -= 1
                return true
            }
            state.removed.append((account, .now))
            return false
        }
        if fails { throw .unavailable("things are out of reach") }
    }
}

/// A clock that stands still until it is moved.
final class ManualTime: Sendable {
    private let moment = Mutex(Duration.seconds(1_000_000))

    var now: Duration { moment.withLock { $0 } }

    func advance(by duration: Duration) {
        moment.withLock { $0 += duration }
    }
}
