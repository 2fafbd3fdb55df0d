package import ArgumentParser
internal import Programs

/// `fluxgate serve`
package struct ServeCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the whole platform in this process.",
        discussion: """
            Users, things, and the HTTP, WebSocket and MQTT adapters, on one SQLite file. Nothing else has to be \
            installed or configured. The first start makes its secrets and keeps them with the data in MF_DATA_DIR (./data).

            \(ProgramOptions.discussion)
            """
    )

    @OptionGroup var options: ProgramOptions

    package init() {}

    package func run() async throws {
        try await options.run(Platform.self)
    }
}
