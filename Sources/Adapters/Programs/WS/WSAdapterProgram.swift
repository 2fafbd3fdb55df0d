internal import AdapterBackend
internal import AdapterServer
internal import ArgumentParser
internal import Bootstrap
internal import Programs
internal import WSAdapter

@main
enum WSAdapterMain {
    static func main() async { await ProgramCommand<WSAdapterProgram>.main() }
}

/// The program `ws-adapter`.
struct WSAdapterProgram: Program {
    static let name = "ws-adapter"
    static let abstract = "Publish and receive over WebSockets."

    let settings: ProgramSettings
    let warnings: [String]
    private let adapter: WSAdapterSettings
    private let backend: AdapterBackend

    init(_ variables: Variables, cores: Int) throws(ConfigurationError) {
        var tls = try TLSVariables(variables)
        settings = try ProgramSettings(variables, name: Self.name, opsPort: 8194, cores: cores, &tls)
        adapter = try WSAdapterSettings(variables, host: .everywhere, &tls)
        backend = try AdapterBackend(variables, program: Self.name)
        warnings = tls.warnings
    }

    func run(_ registry: MetricsRegistry) async throws {
        let summary = StartUpSummary("Fluxgate ws-adapter", rows: [.ws, .ops], facts: backend.facts)
        try await ProgramHost.run(settings, registry, summary) { host in
            try await backend.services(host, registry) { loops in
                [try await WebSocketAdapter(adapter, loops: loops).listener]
            }
        }
    }
}
