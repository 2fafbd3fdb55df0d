import Model
import UsersCore

/// A users service on fakes, with everything that a test may want to look at.
struct UsersWorld: Sendable {
    let time = ManualTime()
    let passwords: PlainHasher
    let resources: InMemoryResources
    let service: UsersService

    init(
        accounts: any AccountRepository = InMemoryAccountRepository(),
        tokens: any TokenIssuer = InMemoryTokens(),
        passwords: PlainHasher = PlainHasher(),
        resources: InMemoryResources = InMemoryResources(),
        limits: AttemptLimits? = AttemptLimits(),
        tokenMemory: Duration = .zero
    ) {
        let time = time
        self.passwords = passwords
        self.resources = resources
        self.service = UsersService(
            accounts: accounts,
            passwords: passwords,
            tokens: tokens,
            owned: resources,
            limits: limits,
            tokenMemory: tokenMemory,
            now: { time.now }
        )
    }

    /// Registers and logs in.
    func token(for credentials: Credentials = .sample) async throws -> Secret {
        try await service.register(credentials, metadata: [:], from: "test")
        return try await service.logIn(credentials, from: "test")
    }
}

extension EmailAddress {
    /// An address that the test knows to be valid.
    static func sample(_ local: String = "jane") -> Self {
        guard let address = Self("\(local)@example.com") else { fatalError("\(local) can't stand in an address") }
        return address
    }
}

extension Credentials {
    static let sample = Credentials(email: .sample(), password: Secret("correct horse"))

    func with(password: String) -> Self { Self(email: email, password: Secret(password)) }
}
