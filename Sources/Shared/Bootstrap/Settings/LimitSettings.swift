/// How much one process lets its clients have; nil: as much as they like.
package struct LimitSettings: Sendable {
    /// What may come in a second.
    package struct Rate: Sendable {
        package var messages: Int?
        /// Of payload.
        package var bytes: Int?

        package init(messages: Int? = nil, bytes: Int? = nil) { (self.messages, self.bytes) = (messages, bytes) }

        package var isLimited: Bool { messages != nil || bytes != nil }
    }

    /// Connections at a time.
    package var connections: Int?
    /// Of these, from one IPv4 address, or one IPv6 network of 64 bits.
    package var addressConnections: Int?
    /// TLS handshakes at a time.
    package var handshakes: Int?
    /// Published over one connection.
    package var connectionRate = Rate()
    /// Of one tenant: MQTT connections that are logged in, and WebSockets.
    package var tenantConnections: Int?
    /// Of one tenant: filters over MQTT, and WebSockets.
    package var tenantSubscriptions: Int?
    /// Published by one tenant.
    package var tenantRate = Rate()

    /// None.
    package init() {}

    package init(_ variables: Variables) throws(ConfigurationError) {
        connections = try variables.optionalInteger("MF_LIMITS_CONNECTIONS", default: 100_000)
        addressConnections = try variables.optionalInteger("MF_LIMITS_ADDRESS_CONNECTIONS")
        handshakes = try variables.optionalInteger("MF_LIMITS_HANDSHAKES", default: 1_000)
        connectionRate = try Rate(variables, "MF_LIMITS_CONNECTION")
        tenantConnections = try variables.optionalInteger("MF_LIMITS_TENANT_CONNECTIONS")
        tenantSubscriptions = try variables.optionalInteger("MF_LIMITS_TENANT_SUBSCRIPTIONS")
        tenantRate = try Rate(variables, "MF_LIMITS_TENANT")
    }
}

extension LimitSettings.Rate {
    fileprivate init(_ variables: Variables, _ prefix: String) throws(ConfigurationError) {
        messages = try variables.optionalInteger("\(prefix)_MESSAGES")
        bytes = try variables.optionalInteger("\(prefix)_BYTES")
    }
}
