internal import ArgumentParser
internal import FluxgateServer

/// The one program: the platform itself, and the commands that talk to it.
@main
struct FluxgateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fluxgate",
        abstract: "A multi-tenant IoT platform: things, channels, and SenML over HTTP, WebSocket and MQTT.",
        version: Platform.version,
        subcommands: [ServeCommand.self]
    )
}
