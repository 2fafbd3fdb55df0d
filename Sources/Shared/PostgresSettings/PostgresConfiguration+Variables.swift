package import Bootstrap
internal import Model
package import PostgresDriver

extension PostgresConfiguration {
    /// Reads the variables of a service's database, and looks into the files that they name. Throws
    /// ``ConfigurationError`` on the first that can't be used.
    ///
    /// The name of the database is the variable that is called as the prefix. A password need not be set where a client
    /// certificate or a Unix socket says who we are.
    ///
    /// - Parameter prefix: `MF_USERS_DB`, `MF_THINGS_DB`: what is between `MF_` and `_DB` is the service.
    package init(_ variables: Variables, prefix: String) throws(ConfigurationError) {
        let service = prefix.dropFirst("MF_".count).dropLast("_DB".count).lowercased()
        self.init(
            host: variables.string("\(prefix)_HOST", default: "localhost"),
            port: try variables.integer("\(prefix)_PORT", default: 5432, in: 1...65_535),
            user: variables.string("\(prefix)_USER", default: "mainflux"),
            database: variables.string(prefix, default: service)
        )
        applicationName = "fluxgate-\(service)"
        connections = try variables.integer("\(prefix)_CONNECTIONS", default: connections, in: 1...200)
        waitTimeout = try variables.duration("\(prefix)_WAIT_TIMEOUT", default: "5s", in: Self.waits)
        statementTimeout = try variables.duration("\(prefix)_STATEMENT_TIMEOUT", default: "10s", in: Self.statements)
        if host.contains(",") { throw ConfigurationError("\(prefix)_HOST", host, "one host") }
        try read(DatabaseTLSVariables(variables, prefix: prefix))
        let needsPassword = certificate == nil && !isSocket
        password = try variables.ownSecret("\(prefix)_PASS", default: needsPassword ? "mainflux" : nil)
    }

    private static let waits = Duration.milliseconds(10)...(.seconds(60))
    private static let statements = Duration.milliseconds(100)...(.seconds(600))

    private mutating func read(_ variables: DatabaseTLSVariables) throws(ConfigurationError) {
        tls = variables.mode.tls
        try variables.refuseWhatContradicts(isSocket ? host : nil)
        try variables.checkFiles()
        (certificate, key, rootCertificate) = (variables.certificate, variables.key, variables.rootCertificate)
    }

    /// Where it is, for people.
    package var summary: String { "\(host):\(port)/\(database)\(tls == .disable ? "" : " (TLS)")" }
}
