internal import ArgumentParser
internal import Bootstrap
internal import FluxgateClient
internal import FluxgateDev
internal import FluxgateServer

/// The one program: the platform itself, and the commands that talk to it.
@main
struct FluxgateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fluxgate",
        abstract: "A multi-tenant IoT platform: things, channels, and SenML over HTTP, WebSocket and MQTT.",
        discussion: """
            'fluxgate serve' runs the whole platform in this process. The other commands talk to a platform that runs, here \
            or elsewhere.
            """,
        version: Release.version,
        subcommands: [ServeCommand.self, DevCommand.self, ProvisionCommand.self, MessagesCommand.self]
    )
}
