package import TLSSupport

/// What all adapters can be told.
package struct AdapterSettings: Sendable {
    /// Most bytes of a payload.
    package let maximumMessage: Int
    /// Most bytes that wait for one client.
    package let maximumQueue: Int

    package init(_ variables: Variables) throws(ConfigurationError) {
        maximumMessage = try variables.integer("MF_MAX_MESSAGE_BYTES", default: 262_144, in: 1...(64 << 20))
        maximumQueue = try variables.integer("MF_MAX_QUEUE_BYTES", default: 4 << 20, in: 65_536...(1 << 30))
    }
}

/// What the HTTP adapter can be told.
package struct HTTPAdapterSettings: Sendable {
    package let common: AdapterSettings
    package let address: ListenAddress
    package let tls: ServerTLS?
    package let requestTimeout: Duration
    package let idleTimeout: Duration

    package init(
        _ variables: Variables,
        host: DefaultHost,
        _ tls: inout TLSVariables
    ) throws(ConfigurationError) {
        common = try AdapterSettings(variables)
        address = try variables.address("MF_HTTP_ADAPTER", port: 8185, host: host.host, described: host.described)
        self.tls = try tls.adapter("MF_HTTP_ADAPTER")
        requestTimeout = try variables.duration("MF_HTTP_ADAPTER_REQUEST_TIMEOUT", default: "10s")
        idleTimeout = try variables.duration("MF_HTTP_ADAPTER_IDLE_TIMEOUT", default: "75s")
    }
}

/// What the WebSocket adapter can be told.
package struct WSAdapterSettings: Sendable {
    package let common: AdapterSettings
    package let address: ListenAddress
    package let tls: ServerTLS?
    /// For the handshake.
    package let requestTimeout: Duration
    package let pingInterval: Duration
    /// Without a message; nil: as long as it likes.
    package let idleTimeout: Duration?

    package init(
        _ variables: Variables,
        host: DefaultHost,
        _ tls: inout TLSVariables
    ) throws(ConfigurationError) {
        common = try AdapterSettings(variables)
        address = try variables.address("MF_WS_ADAPTER", port: 8186, host: host.host, described: host.described)
        self.tls = try tls.adapter("MF_WS_ADAPTER")
        requestTimeout = try variables.duration("MF_WS_ADAPTER_REQUEST_TIMEOUT", default: "10s")
        pingInterval = try variables.duration("MF_WS_ADAPTER_PING_INTERVAL", default: "30s")
        idleTimeout = try variables.optionalDuration("MF_WS_ADAPTER_IDLE_TIMEOUT")
    }
}

/// What the MQTT adapter can be told.
package struct MQTTAdapterSettings: Sendable {
    package let common: AdapterSettings
    /// MQTT over plain TCP; nil: not offered.
    package let plain: ListenAddress?
    /// MQTT over TLS; nil: not offered.
    package let secure: ListenAddress?
    package let webSocket: ListenAddress
    package let tls: ServerTLS?
    package let maximumSubscriptions: Int
    /// Messages of QoS 1 and 2 of an MQTT 5 client that may be unacknowledged.
    package let receiveMaximum: Int
    /// Topic aliases that an MQTT 5 client may set; 0: none.
    package let topicAliasMaximum: Int
    /// Most bytes of a packet; nil: what the largest message needs.
    package let maximumPacket: Int?
    /// The longest keep-alive of an MQTT 5 client; nil: any.
    package let maximumKeepAlive: Duration?
    /// Most that a session outlives its connection; nil: they end together.
    private let maximumSessionExpiry: Duration?
    /// Most sessions of one thing that outlive their connections.
    package let maximumSessions: Int
    /// Most messages, and most bytes, that wait for the client of one session.
    package let maximumQueuedMessages: Int
    package let maximumQueuedBytes: Int
    /// Most messages of one channel that are kept for later subscribers.
    package let maximumRetained: Int
    package let connectTimeout: Duration
    /// Without a message; nil: as long as it likes.
    package let idleTimeout: Duration?
    /// What an operator should know.
    package let warnings: [String]

    /// Most seconds that a session outlives its connection; 0: they end together.
    package var longestSession: UInt32 { UInt32(clamping: maximumSessionExpiry?.components.seconds ?? 0) }

    package init(
        _ variables: Variables,
        host: DefaultHost,
        _ tls: inout TLSVariables
    ) throws(ConfigurationError) {
        common = try AdapterSettings(variables)
        let own = try tls.adapter("MF_MQTT_ADAPTER")
        self.tls = own
        let isPlain = try Self.opensPlain(variables, own, isRequired: tls.isRequired)
        let bypass = isPlain && own?.asksForCertificate == true
        warnings = bypass ? ["MF_MQTT_ADAPTER_PLAIN: over it things do without a certificate"] : []
        func address(_ port: Int, _ portName: String) throws(ConfigurationError) -> ListenAddress {
            try variables.address(
                "MF_MQTT_ADAPTER",
                port: port,
                host: host.host,
                described: host.described,
                portName: portName
            )
        }
        let (mqtt, mqtts) = (try address(1883, "MF_MQTT_ADAPTER_PORT"), try address(8883, "MF_MQTT_ADAPTER_TLS_PORT"))
        plain = isPlain ? mqtt : nil
        secure = own == nil ? nil : mqtts
        webSocket = try address(8880, "MF_MQTT_ADAPTER_WS_PORT")
        maximumSubscriptions = try variables.integer(
            "MF_MQTT_ADAPTER_MAX_SUBSCRIPTIONS",
            default: 1_000,
            in: 1...1_000_000
        )
        receiveMaximum = try variables.integer("MF_MQTT_ADAPTER_RECEIVE_MAXIMUM", default: 1_024, in: 1...65_535)
        topicAliasMaximum = try variables.integer("MF_MQTT_ADAPTER_TOPIC_ALIAS_MAXIMUM", default: 16, in: 0...65_535)
        maximumPacket = try variables.optionalInteger("MF_MQTT_ADAPTER_MAX_PACKET_BYTES", in: 1_024...268_435_460)
        maximumKeepAlive = try variables.optionalDuration(
            "MF_MQTT_ADAPTER_MAX_KEEP_ALIVE",
            in: .seconds(1)...(.seconds(65_535))
        )
        maximumSessionExpiry = try variables.optionalDuration("MF_MQTT_ADAPTER_MAX_SESSION_EXPIRY", default: "168h")
        maximumSessions = try variables.integer("MF_MQTT_ADAPTER_MAX_SESSIONS", default: 100, in: 1...1_000_000)
        maximumQueuedMessages = try variables.integer(
            "MF_MQTT_MAX_QUEUED_MESSAGES",
            default: 100_000,
            in: 1...1_000_000_000
        )
        maximumQueuedBytes = try variables.integer(
            "MF_MQTT_MAX_QUEUED_BYTES",
            default: 64 << 20,
            in: 1_024...(1 << 50)
        )
        maximumRetained = try variables.integer("MF_MQTT_ADAPTER_MAX_RETAINED", default: 10_000, in: 1...1_000_000)
        connectTimeout = try variables.duration("MF_MQTT_ADAPTER_CONNECT_TIMEOUT", default: "10s")
        idleTimeout = try variables.optionalDuration("MF_MQTT_ADAPTER_IDLE_TIMEOUT")
    }

    /// Whether MQTT is offered without TLS: not beside client certificates, which it would let clients do without.
    private static func opensPlain(
        _ variables: Variables,
        _ tls: ServerTLS?,
        isRequired: Bool
    ) throws(ConfigurationError) -> Bool {
        let name = "MF_MQTT_ADAPTER_PLAIN"
        let isPlain = try variables.bool(
            name,
            default: tls?.asksForCertificate != true && !isRequired,
            described: "true, but false with client certificates or MF_REQUIRE_TLS"
        )
        if isPlain, isRequired { throw ConfigurationError(name, "true", "false beside MF_REQUIRE_TLS") }
        if !isPlain, tls == nil { throw ConfigurationError(name, "false", "MF_MQTT_ADAPTER_SERVER_CERT to be set") }
        return isPlain
    }
}
