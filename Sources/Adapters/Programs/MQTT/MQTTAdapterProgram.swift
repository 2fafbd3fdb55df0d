internal import AdapterBackend
internal import AdapterServer
internal import ArgumentParser
internal import Bootstrap
internal import MQTTAdapter
internal import Programs

/// Publish and receive over MQTT.
@main
struct MQTTAdapterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mqtt-adapter",
        abstract: "Publish and receive over MQTT.",
        discussion: ProgramOptions.discussion,
        version: Release.version
    )

    @OptionGroup var options: ProgramOptions

    func run() async throws { try await options.run(MQTTAdapterProgram.self, name: "mqtt-adapter") }
}

/// The program `mqtt-adapter`.
struct MQTTAdapterProgram: Program {
    let settings: ProgramSettings
    let warnings: [String]
    private let adapter: MQTTAdapterSettings
    private let backend: AdapterBackend

    init(_ variables: Variables, cores: Int) throws(ConfigurationError) {
        var tls = try TLSVariables(variables)
        settings = try ProgramSettings(variables, name: "mqtt-adapter", opsPort: 8195, cores: cores, &tls)
        adapter = try MQTTAdapterSettings(variables, host: .everywhere, &tls)
        backend = try AdapterBackend(variables, program: "mqtt-adapter")
        warnings = tls.warnings + adapter.warnings
    }

    func run(_ registry: MetricsRegistry) async throws {
        let summary = StartUpSummary("Fluxgate mqtt-adapter", rows: adapter.rows + [.ops], facts: backend.facts)
        try await ProgramHost.run(settings, registry, summary) { host in
            try await backend.services(host, registry) { loops in
                try await MQTTBroker(adapter, loops: loops).listeners.all
            }
        }
    }
}
