package import Model
package import TLSSupport

/// What the things service can be told.
package struct ThingsSettings: Sendable {
    package let http: ListenAddress
    package let authHTTP: ListenAddress
    package let tls: ServerTLS?
    package let logLevel: LogLevel
    /// Seals the things' keys; nil if none is set.
    package let secret: Secret?
    /// Secrets that keys may still be sealed with.
    package let olderSecrets: [Secret]
    /// How many things and channels a tenant may own; nil: any number.
    package let tenantThings: Int?
    package let tenantChannels: Int?

    package init(
        _ variables: Variables,
        host: DefaultHost,
        _ tls: inout TLSVariables
    ) throws(ConfigurationError) {
        http = try variables.address("MF_THINGS_HTTP", port: 8182, host: host.host, described: host.described)
        authHTTP = try variables.address("MF_THINGS_AUTH_HTTP", port: 8989, host: "127.0.0.1")
        self.tls = try tls.service("MF_THINGS")
        logLevel = try variables.serviceLogLevel("MF_THINGS")
        secret = try variables.ownSecret("MF_THINGS_SECRET")
        olderSecrets = (variables.secret("MF_THINGS_OLDER_SECRETS")?.revealed ?? "")
            .split(separator: ",").map { Secret(String($0)) }
        tenantThings = try variables.optionalInteger("MF_LIMITS_TENANT_THINGS")
        tenantChannels = try variables.optionalInteger("MF_LIMITS_TENANT_CHANNELS")
    }
}
