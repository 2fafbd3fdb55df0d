package import Bootstrap
package import PostgresDriver

extension PostgresConfiguration {
    /// Reads `<prefix>_HOST` and the variables beside it.
    package init(_ variables: Variables, prefix: String) throws(ConfigurationError) {
        self.init(
            host: variables.string("\(prefix)_HOST", default: "localhost"),
            port: try variables.port("\(prefix)_PORT", default: 5432),
            user: variables.string("\(prefix)_USER", default: "mainflux"),
            password: variables.secret("\(prefix)_PASS"),
            database: variables.string(prefix, default: prefix.contains("USERS") ? "users" : "things")
        )
    }

    /// Where it is, for people.
    package var summary: String { "\(host):\(port)/\(database)\(tls == .disable ? "" : " (TLS)")" }
}
