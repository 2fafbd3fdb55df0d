internal import AdapterBackend
internal import AdapterServer
internal import ArgumentParser
internal import Bootstrap
internal import HTTPAdapter
internal import Programs

/// Publish over HTTP.
@main
struct HTTPAdapterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http-adapter",
        abstract: "Publish over HTTP.",
        discussion: ProgramOptions.discussion,
        version: Release.version
    )

    @OptionGroup var options: ProgramOptions

    func run() async throws { try await options.run(HTTPAdapterProgram.self, name: "http-adapter") }
}

/// The program `http-adapter`.
struct HTTPAdapterProgram: Program {
    let settings: ProgramSettings
    let warnings: [String]
    private let adapter: HTTPAdapterSettings
    private let backend: AdapterBackend

    init(_ variables: Variables, cores: Int) throws(ConfigurationError) {
        var tls = try TLSVariables(variables)
        settings = try ProgramSettings(variables, name: "http-adapter", opsPort: 8193, cores: cores, &tls)
        adapter = try HTTPAdapterSettings(variables, host: .everywhere, &tls)
        backend = try AdapterBackend(variables, program: "http-adapter")
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
