internal import AdapterTransport
package import Bootstrap
internal import Logging
internal import MQTTAdapter
internal import Model
internal import NIOCore
internal import TLSSupport
internal import WSAdapter

/// Everything that `fluxgate serve` can be told, read once from the `MF_*` variables.
package struct PlatformConfiguration: Sendable {
    package enum Environment: String, CaseIterable, Sendable {
        case production, development
    }

    package let environment: Environment
    package let dataFolder: String
    package let limitsOff: Bool
    package let logFormat: LogFormat
    package let logLevel: LogLevel
    package let usersLogLevel: LogLevel
    package let thingsLogLevel: LogLevel
    package let eventLoops: Int
    package let shutdownGrace: Duration

    let usersHTTP: ListenAddress
    let thingsHTTP: ListenAddress
    let thingsAuthHTTP: ListenAddress
    let httpAdapter: ListenAddress
    let wsAdapter: ListenAddress
    let mqttAdapter: MQTTListeners<ListenAddress>
    let ops: ListenAddress

    let usersTLS: ServerTLS?
    let thingsTLS: ServerTLS?
    let httpTLS: ServerTLS?
    let wsTLS: ServerTLS?
    let mqttTLS: ServerTLS?
    let opsTLS: ServerTLS?
    /// What an operator should know about the TLS variables and files.
    package let tlsWarnings: [String]

    let usersSecret: Secret?
    let thingsSecret: Secret?
    let olderThingsSecrets: [Secret]
    let minimumPasswordLength: Int

    let maximumMessage: Int
    let maximumQueue: Int
    let maximumSubscriptions: Int
    let requestTimeout: Duration
    let idleTimeout: Duration
    let pingInterval: Duration
    let connectTimeout: Duration
    let accessMaximumAge: Duration

    /// Reads the variables. Throws ``ConfigurationError`` on the first one that can't be used.
    ///
    /// - Parameter cores: the default number of event loops.
    package init(_ variables: Variables, cores: Int) throws(ConfigurationError) {
        let environment = try variables.choice("MF_ENV", default: Environment.production)
        self.environment = environment
        dataFolder = variables.string("MF_DATA_DIR", default: "./data")
        limitsOff = try variables.bool("MF_LIMITS_OFF", default: false)
        logFormat = try variables.choice("MF_LOG_FORMAT", default: LogFormat.text)
        let level = try variables.choice("MF_LOG_LEVEL", default: LogLevel.info)
        logLevel = level
        usersLogLevel = try variables.choice("MF_USERS_LOG_LEVEL", default: level, described: "MF_LOG_LEVEL")
        thingsLogLevel = try variables.choice("MF_THINGS_LOG_LEVEL", default: level, described: "MF_LOG_LEVEL")
        eventLoops = try variables.integer("MF_EVENT_LOOPS", default: cores, in: 1...256, described: "number of cores")
        shutdownGrace = try variables.duration("MF_SHUTDOWN_GRACE", default: "10s")

        let host = variables.string("MF_HOST", default: "127.0.0.1")
        func address(
            _ name: String,
            _ port: Int,
            host own: String? = nil,
            portName: String? = nil
        ) throws(ConfigurationError) -> ListenAddress {
            ListenAddress(
                host: variables.string("MF_\(name)_HOST", default: own ?? host, described: own ?? "MF_HOST"),
                port: try variables.port("MF_\(portName ?? name + "_PORT")", default: port)
            )
        }
        usersHTTP = try address("USERS_HTTP", 8180)
        thingsHTTP = try address("THINGS_HTTP", 8182)
        thingsAuthHTTP = try address("THINGS_AUTH_HTTP", 8989, host: "127.0.0.1")
        httpAdapter = try address("HTTP_ADAPTER", 8185)
        wsAdapter = try address("WS_ADAPTER", 8186)
        ops = try address("FLUXGATE_OPS", 8190, host: "127.0.0.1")

        var tls = try TLSVariables(variables)
        usersTLS = try tls.service("MF_USERS")
        thingsTLS = try tls.service("MF_THINGS")
        httpTLS = try tls.adapter("MF_HTTP_ADAPTER")
        wsTLS = try tls.adapter("MF_WS_ADAPTER")
        let mqttTLS = try tls.adapter("MF_MQTT_ADAPTER")
        self.mqttTLS = mqttTLS
        opsTLS = try tls.service("MF_FLUXGATE_OPS")

        let isPlain = try Self.opensPlainMQTT(variables, mqttTLS, isRequired: tls.isRequired)
        let bypass = isPlain && mqttTLS?.asksForCertificate == true
        tlsWarnings = tls.warnings + (bypass ? ["MF_MQTT_ADAPTER_PLAIN: over it things do without a certificate"] : [])
        let mqtt = try address("MQTT_ADAPTER", 1883)
        let mqtts = try address("MQTT_ADAPTER", 8883, portName: "MQTT_ADAPTER_TLS_PORT")
        mqttAdapter = MQTTListeners(
            plain: isPlain ? mqtt : nil,
            tls: mqttTLS == nil ? nil : mqtts,
            webSocket: try address("MQTT_ADAPTER", 8880, portName: "MQTT_ADAPTER_WS_PORT")
        )

        usersSecret = variables.secret("MF_USERS_SECRET")
        thingsSecret = variables.secret("MF_THINGS_SECRET")
        olderThingsSecrets = (variables.secret("MF_THINGS_OLDER_SECRETS")?.revealed ?? "")
            .split(separator: ",").map { Secret(String($0)) }
        minimumPasswordLength = try variables.integer("MF_USERS_PASS_MIN_LENGTH", default: 8, in: 1...1_024)

        maximumMessage = try variables.integer("MF_MAX_MESSAGE_BYTES", default: 262_144, in: 1...(64 << 20))
        maximumQueue = try variables.integer("MF_MAX_QUEUE_BYTES", default: 4 << 20, in: 65_536...(1 << 30))
        maximumSubscriptions = try variables.integer(
            "MF_MQTT_ADAPTER_MAX_SUBSCRIPTIONS",
            default: 1_000,
            in: 1...1_000_000
        )
        connectTimeout = try variables.duration("MF_MQTT_ADAPTER_CONNECT_TIMEOUT", default: "10s")
        requestTimeout = try variables.duration("MF_HTTP_ADAPTER_REQUEST_TIMEOUT", default: "10s")
        idleTimeout = try variables.duration("MF_HTTP_ADAPTER_IDLE_TIMEOUT", default: "75s")
        pingInterval = try variables.duration("MF_WS_ADAPTER_PING_INTERVAL", default: "30s")
        accessMaximumAge = try variables.duration("MF_ACCESS_CACHE_MAX_AGE", default: "5m")

        if limitsOff, environment != .development {
            throw ConfigurationError("MF_LIMITS_OFF", "true", "false, unless MF_ENV=development")
        }
        try refuseWellKnown("MF_USERS_SECRET", usersSecret)
        try refuseWellKnown("MF_THINGS_SECRET", thingsSecret)
    }

    /// Whether MQTT is offered without TLS: not beside client certificates, which it would let clients do without.
    private static func opensPlainMQTT(
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

    /// Secrets that stand in the documentation of the system we are compatible with protect nothing.
    private func refuseWellKnown(_ name: String, _ secret: Secret?) throws(ConfigurationError) {
        let wellKnown = ["users", "things", "secret", "mainflux", "mainflux-secret", "some_random_bytes", "changeme"]
        guard let secret, environment != .development, wellKnown.contains(secret.revealed.lowercased()) else { return }
        throw ConfigurationError(name, "a well-known value; set one of your own, or MF_ENV=development")
    }
}

extension PlatformConfiguration {
    var httpLimits: AdapterTransport.HTTPLimits {
        AdapterTransport.HTTPLimits(
            maximumBody: maximumMessage,
            requestTimeout: requestTimeout.nanoseconds,
            idleTimeout: idleTimeout.nanoseconds
        )
    }

    /// A handshake has no body.
    var handshakeLimits: AdapterTransport.HTTPLimits {
        AdapterTransport.HTTPLimits(
            maximumBody: 0,
            requestTimeout: requestTimeout.nanoseconds,
            idleTimeout: idleTimeout.nanoseconds
        )
    }

    var wsLimits: WSLimits {
        WSLimits(
            maximumMessage: maximumMessage,
            maximumQueue: maximumQueue,
            pingInterval: pingInterval.nanoseconds
        )
    }

    var mqttLimits: MQTTLimits {
        MQTTLimits(
            maximumMessage: maximumMessage,
            maximumQueue: maximumQueue,
            maximumSubscriptions: maximumSubscriptions,
            connectTimeout: .nanoseconds(Int64(clamping: connectTimeout.nanoseconds))
        )
    }
}
