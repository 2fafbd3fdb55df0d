package import Model

/// Where accounts are kept.
package protocol AccountRepository: Sendable {
    /// Throws ``UsersError/emailTaken`` if there is an account with this e-mail.
    func add(_ account: UserAccount) async throws(UsersError)

    func account(_ id: Account.ID) async throws(UsersError) -> UserAccount?

    func account(email: EmailAddress) async throws(UsersError) -> UserAccount?

    /// Returns false if there is no such account any more.
    func replaceMetadata(of id: Account.ID, with metadata: JSONObject) async throws(UsersError) -> Bool

    /// Sets the password and raises the generation; returns false if the account is gone or of another generation by
    /// now.
    func replacePassword(
        of id: Account.ID,
        generation: Int64,
        with hash: Secret
    ) async throws(UsersError) -> Bool

    /// Removes the account if it is there.
    func remove(_ id: Account.ID) async throws(UsersError)
}

/// Turns passwords into what can be kept, with work that makes guessing dear.
package protocol PasswordHasher: Sendable {
    /// Throws ``UsersError/busy`` if too many are waiting already.
    func hash(_ password: Secret) async throws(UsersError) -> Secret

    /// Whether the password is the one that was hashed. Without a hash the answer is false, after the same work.
    func verify(_ password: Secret, against hash: Secret?) async throws(UsersError) -> Bool
}

/// What a token says.
package struct TokenClaims: Sendable, Equatable {
    package let account: Account.ID
    package let email: String
    package let generation: Int64
    /// Whole seconds since 1970.
    package let issued: Int64
    package let expires: Int64

    package init(account: Account.ID, email: String, generation: Int64, issued: Int64, expires: Int64) {
        self.account = account
        self.email = email
        self.generation = generation
        self.issued = issued
        self.expires = expires
    }
}

/// Signs tokens, and reads those it has signed.
package protocol TokenIssuer: Sendable {
    func issue(_ claims: TokenClaims) async throws(UsersError) -> Secret

    /// Nil if this isn't a token of ours; whether it is still good is for ``UsersService`` to say.
    func read(_ token: Secret) async -> TokenClaims?
}

/// What an account owns in other services.
package protocol OwnedResources: Sendable {
    /// Removes everything the account owns; nothing is left to do is fine.
    func removeAll(ownedBy account: Account.ID) async throws(UsersError)
}
