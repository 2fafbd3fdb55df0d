package import Model

/// A person's account as it is kept.
package struct UserAccount: Sendable, Equatable {
    package let id: Account.ID
    package let email: EmailAddress
    /// As ``PasswordHasher`` made it.
    package var passwordHash: Secret
    /// Raised with every change of the password: tokens of an older one are void.
    package var generation: Int64
    package var metadata: JSONObject
    /// Since 1970.
    package let created: Duration

    package init(
        id: Account.ID,
        email: EmailAddress,
        passwordHash: Secret,
        generation: Int64 = 1,
        metadata: JSONObject = [:],
        created: Duration
    ) {
        self.id = id
        self.email = email
        self.passwordHash = passwordHash
        self.generation = generation
        self.metadata = metadata
        self.created = created
    }
}
