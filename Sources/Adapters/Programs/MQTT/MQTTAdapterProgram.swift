internal import AdapterBackend
internal import AdapterServer
internal import ArgumentParser
internal import Bootstrap
internal import MQTTAdapter
internal import MQTTRemote
internal import Programs

@main
enum MQTTAdapterMain {
    static func main() async { await ProgramCommand<MQTTAdapterProgram>.main() }
}

/// The program `mqtt-adapter`.
struct MQTTAdapterProgram: Program {
    static let name = "mqtt-adapter"
    static let abstract = "Publish and receive over MQTT."

    let settings: ProgramSettings
    let warnings: [String]
    private let adapter: MQTTAdapterSettings
    private let backend: AdapterBackend

    init(_ variables: Variables, cores: Int) throws(ConfigurationError) {
        var tls = try TLSVariables(variables)
        settings = try ProgramSettings(variables, name: Self.name, opsPort: 8195, cores: cores, &tls)
        adapter = try MQTTAdapterSettings(variables, host: .everywhere, &tls)
        backend = try AdapterBackend(variables, program: Self.name)
        warnings = tls.warnings + adapter.warnings
    }

    func run(_ registry: MetricsRegistry) async throws {
        let summary = StartUpSummary("Fluxgate mqtt-adapter", rows: adapter.rows + [.ops], facts: backend.facts)
        try await ProgramHost.run(settings, registry, summary) { host in
            var own: MQTTSessions?
            return try await backend.services(host, registry) { connection, log in
                let sessions = MQTTSessions(connection, log: log, adapter, logger: host.logger)
                own = sessions
                return sessions
            } listen: { loops in
                try await MQTTBroker(
                    adapter,
                    loops: loops,
                    keeping: own?.keeping,
                    shared: own?.groups,
                    registry: own?.registry ?? ClientRegistry()
                ).listeners.all
            }
        }
    }
}
