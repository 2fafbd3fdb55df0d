package import Model

extension Variables {
    package enum Environment: String, CaseIterable, Sendable {
        case production, development
    }

    /// `MF_ENV`: development allows what must not happen in production.
    package func environment() throws(ConfigurationError) -> Environment {
        try choice("MF_ENV", default: .production)
    }

    /// A secret of the operator's own. Those that stand in the documentation of the system we are compatible with
    /// protect nothing: they are for development only.
    ///
    /// - Parameter defaultValue: what it is if it isn't set; nil: nothing.
    package func ownSecret(_ name: String, default defaultValue: String? = nil) throws(ConfigurationError) -> Secret? {
        let wellKnown = ["users", "things", "secret", "mainflux", "mainflux-secret", "some_random_bytes", "changeme"]
        let environment = try environment()
        guard let secret = secret(name) ?? defaultValue.map({ Secret($0) }) else { return nil }
        guard environment == .development || !wellKnown.contains(secret.revealed.lowercased()) else {
            throw ConfigurationError(name, "a well-known value; set one of your own, or MF_ENV=development")
        }
        return secret
    }
}
