package import Model

/// An e-mail address and a password, as somebody gave them.
package struct Credentials: Sendable {
    package let email: EmailAddress
    package let password: Secret

    package init(email: EmailAddress, password: Secret) {
        self.email = email
        self.password = password
    }
}

/// Accounts and their tokens (contract section 1 with the decisions of section 12).
package struct UsersService: Sendable {
    /// How long a token is good, in seconds (contract 1.5).
    package static let tokenLifetime: Int64 = 36_000

    private let accounts: any AccountRepository
    private let passwords: any PasswordHasher
    private let tokens: any TokenIssuer
    private let owned: any OwnedResources
    private let limits: AttemptLimits?
    private let passwordRule: PasswordRule
    private let tokenMemory: Duration
    private let now: @Sendable () -> Duration
    private let newID: @Sendable () -> Account.ID

    /// - Parameters:
    ///   - limits: nil lets everybody try as often as they like.
    ///   - tokenMemory: how long a token that has ended may go on being taken for good elsewhere.
    ///   - now: the time since 1970.
    package init(
        accounts: any AccountRepository,
        passwords: any PasswordHasher,
        tokens: any TokenIssuer,
        owned: any OwnedResources,
        limits: AttemptLimits?,
        passwordRule: PasswordRule = PasswordRule(),
        tokenMemory: Duration = .zero,
        now: @escaping @Sendable () -> Duration,
        newID: @escaping @Sendable () -> Account.ID = { .random() }
    ) {
        self.accounts = accounts
        self.passwords = passwords
        self.tokens = tokens
        self.owned = owned
        self.limits = limits
        self.passwordRule = passwordRule
        self.tokenMemory = tokenMemory
        self.now = now
        self.newID = newID
    }

    // MARK: Without a token

    /// Opens an account. The work is the same whether the e-mail is taken or not.
    package func register(
        _ credentials: Credentials,
        metadata: JSONObject,
        from client: String
    ) async throws(UsersError) {
        try passwordRule.check(credentials.password)
        try limits?.register(credentials.email, from: client, at: now())
        let account = UserAccount(
            id: newID(),
            email: credentials.email,
            passwordHash: try await passwords.hash(credentials.password),
            metadata: metadata,
            created: now()
        )
        try await accounts.add(account)
    }

    /// Gives a token for a password. Unknown accounts cost the same work and get the same answer as wrong passwords.
    package func logIn(_ credentials: Credentials, from client: String) async throws(UsersError) -> Secret {
        let account = try await accounts.account(email: credentials.email)
        try await check(credentials, of: account, from: client)
        guard let account else { throw .invalidCredentials }
        let issued = now().components.seconds
        let claims = TokenClaims(
            account: account.id,
            email: account.email.text,
            generation: account.generation,
            issued: issued,
            expires: issued + Self.tokenLifetime
        )
        return try await tokens.issue(claims)
    }

    // MARK: With a token

    /// Whose token it is: good are those that haven't expired, of accounts that are there, not older than the password.
    package func identify(token: Secret) async throws(UsersError) -> Account.ID {
        try await account(token: token).id
    }

    /// The account a token belongs to, with one look into the store.
    package func account(token: Secret) async throws(UsersError) -> UserAccount {
        let now = now().components.seconds
        guard
            let claims = await tokens.read(token), claims.issued <= now, now < claims.expires,
            let account = try await accounts.account(claims.account),
            account.generation == claims.generation, account.email.text == claims.email
        else { throw .invalidCredentials }
        return account
    }

    /// Replaces the metadata.
    package func update(token: Secret, metadata: JSONObject) async throws(UsersError) {
        let account = try await account(token: token)
        guard try await accounts.replaceMetadata(of: account.id, with: metadata) else { throw .invalidCredentials }
    }

    /// Changes the password, and with that ends all tokens given so far.
    package func changePassword(
        token: Secret,
        from old: Secret,
        to new: Secret,
        client: String
    ) async throws(UsersError) {
        try passwordRule.check(new)
        let account = try await account(token: token)
        try await check(Credentials(email: account.email, password: old), of: account, from: client)
        let hash = try await passwords.hash(new)
        guard try await accounts.replacePassword(of: account.id, generation: account.generation, with: hash) else {
            throw .invalidCredentials
        }
    }

    /// Removes the account with all it owns.
    ///
    /// What it owns goes first, so that a failure on the way can be repeated with the same token; then the account;
    /// then once more what requests that were under way, or whose token was remembered, have made in between.
    package func remove(token: Secret) async throws(UsersError) {
        let account = try await account(token: token)
        try await owned.removeAll(ownedBy: account.id)
        try await accounts.remove(account.id)
        try? await Task.sleep(for: tokenMemory)
        try await owned.removeAll(ownedBy: account.id)
    }

    /// Checks a password under the limits of the address and the account.
    private func check(
        _ credentials: Credentials,
        of account: UserAccount?,
        from client: String
    ) async throws(UsersError) {
        // Every attempt counts as failed until it isn't, so that many at once can't slip past the limit.
        try limits?.logIn(credentials.email, from: client, at: now())
        guard PasswordRule.isShortEnough(credentials.password) else { throw .invalidCredentials }
        let isRight: Bool
        do throws(UsersError) {
            isRight = try await passwords.verify(credentials.password, against: account?.passwordHash)
        } catch {
            limits?.didNotFail(credentials.email, at: now())
            throw error
        }
        guard isRight else { throw .invalidCredentials }
        limits?.didNotFail(credentials.email, at: now())
    }
}
