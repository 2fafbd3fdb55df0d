package import Bootstrap
internal import HTTPSupport
internal import Model
internal import Programs
internal import TLSSupport

/// Everything that `fluxgate serve` can be told, read once from the `MF_*` variables.
package struct PlatformConfiguration: Sendable {
    package let program: ProgramSettings
    package let dataFolder: String
    package let users: UsersSettings
    /// Where the proxies are in front of the users API.
    let usersProxies: ProxyNetworks
    package let things: ThingsSettings
    package let httpAdapter: HTTPAdapterSettings
    package let wsAdapter: WSAdapterSettings
    package let mqttAdapter: MQTTAdapterSettings
    /// Filters that are refused although any topic is open to anybody; nil: topics are channels'.
    let deniedOpenTopics: Set<String>?
    let accessMaximumAge: Duration
    let storage: DurabilitySettings
    let limits: LimitSettings
    /// What an operator should know about the variables and the files that they name.
    package let warnings: [String]

    /// Reads the variables. Throws ``ConfigurationError`` on the first one that can't be used.
    ///
    /// - Parameter cores: the default number of event loops.
    package init(_ variables: Variables, cores: Int) throws(ConfigurationError) {
        var tls = try TLSVariables(variables)
        program = try ProgramSettings(variables, name: "fluxgate", opsPort: 8190, cores: cores, &tls)
        dataFolder = variables.string("MF_DATA_DIR", default: "./data")
        let host = DefaultHost(variables.string("MF_HOST", default: "127.0.0.1"), described: "MF_HOST")
        users = try UsersSettings(variables, host: host, &tls)
        usersProxies = try ProxyNetworks(variables, "MF_USERS_TRUSTED_PROXIES")
        things = try ThingsSettings(variables, host: host, &tls)
        httpAdapter = try HTTPAdapterSettings(variables, host: host, &tls)
        wsAdapter = try WSAdapterSettings(variables, host: host, &tls)
        mqttAdapter = try MQTTAdapterSettings(variables, host: host, &tls)
        deniedOpenTopics = try Self.deniedOpenTopics(variables, program, mqttAdapter)
        storage = try DurabilitySettings(variables)
        limits = try LimitSettings(variables)
        accessMaximumAge = try variables.duration("MF_ACCESS_CACHE_MAX_AGE", default: "5m")
        let open = deniedOpenTopics == nil ? [] : ["MF_MQTT_ADAPTER_OPEN_TOPICS: any MQTT client may do anything"]
        warnings = tls.warnings + mqttAdapter.warnings + open
    }

    private static func deniedOpenTopics(
        _ variables: Variables,
        _ program: ProgramSettings,
        _ adapter: MQTTAdapterSettings
    ) throws(ConfigurationError) -> Set<String>? {
        let name = "MF_MQTT_ADAPTER_OPEN_TOPICS"
        let denied = variables.string("MF_MQTT_ADAPTER_OPEN_TOPICS_DENY", default: "")
        guard try variables.bool(name, default: false) else { return nil }
        guard program.environment == .development else {
            throw ConfigurationError(name, "true", "false, unless MF_ENV=development")
        }
        let addresses = [adapter.plain, adapter.secure, adapter.webSocket].compactMap(\.self)
        guard addresses.allSatisfy({ ["127.0.0.1", "::1", "localhost"].contains($0.host) }) else {
            throw ConfigurationError(name, "true", "false, unless MQTT listens on the loopback address alone")
        }
        return Set(denied.split(separator: ",").map { String($0) })
    }
}
