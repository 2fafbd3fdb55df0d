internal import AdapterBackend
internal import AdapterServer
internal import ArgumentParser
internal import Bootstrap
internal import HTTPAdapter
internal import Programs

@main
enum HTTPAdapterMain {
    static func main() async { await ProgramCommand<HTTPAdapterProgram>.main() }
}

/// The program `http-adapter`.
struct HTTPAdapterProgram: Program {
    static let name = "http-adapter"
    static let abstract = "Publish over HTTP."

    let settings: ProgramSettings
    let warnings: [String]
    private let adapter: HTTPAdapterSettings
    private let backend: AdapterBackend

    init(_ variables: Variables, cores: Int) throws(ConfigurationError) {
        var tls = try TLSVariables(variables)
        settings = try ProgramSettings(variables, name: Self.name, opsPort: 8193, cores: cores, &tls)
        adapter = try HTTPAdapterSettings(variables, host: .everywhere, &tls)
        backend = try AdapterBackend(variables, program: Self.name)
        warnings = tls.warnings
    }

    func run(_ registry: MetricsRegistry) async throws {
        let summary = StartUpSummary("Fluxgate http-adapter", rows: [.http, .ops], facts: backend.facts)
        try await ProgramHost.run(settings, registry, summary) { host in
            try await backend.services(host, registry) { loops in
                [try await HTTPPublishAdapter(adapter, loops: loops).listener]
            }
        }
    }
}
