package import Model
package import TLSSupport

/// What the users service can be told.
package struct UsersSettings: Sendable {
    package let http: ListenAddress
    package let tls: ServerTLS?
    package let logLevel: LogLevel
    /// Signs tokens; nil if none is set.
    package let secret: Secret?
    package let minimumPasswordLength: Int
    package let limitsOff: Bool

    package init(
        _ variables: Variables,
        host: DefaultHost,
        _ tls: inout TLSVariables
    ) throws(ConfigurationError) {
        http = try variables.address("MF_USERS_HTTP", port: 8180, host: host.host, described: host.described)
        self.tls = try tls.service("MF_USERS")
        logLevel = try variables.serviceLogLevel("MF_USERS")
        secret = try variables.ownSecret("MF_USERS_SECRET")
        minimumPasswordLength = try variables.integer("MF_USERS_PASS_MIN_LENGTH", default: 8, in: 1...1_024)
        limitsOff = try variables.bool("MF_LIMITS_OFF", default: false)
        if limitsOff, try variables.environment() != .development {
            throw ConfigurationError("MF_LIMITS_OFF", "true", "false, unless MF_ENV=development")
        }
    }
}

extension Variables {
    func serviceLogLevel(_ prefix: String) throws(ConfigurationError) -> LogLevel {
        let level = try choice("MF_LOG_LEVEL", default: LogLevel.info)
        return try choice("\(prefix)_LOG_LEVEL", default: level, described: "MF_LOG_LEVEL")
    }
}
