package import ArgumentParser
internal import Bootstrap
internal import Foundation
internal import Logging
internal import NIOCore

/// `fluxgate serve`
package struct ServeCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the whole platform in this process.",
        discussion: """
            Users, things, and the HTTP, WebSocket and MQTT adapters, on one SQLite file. Nothing else has to be \
            installed or configured; what can be configured is an MF_* environment variable (docs/configuration.md).

            The first start makes its secrets and keeps them with the data in MF_DATA_DIR (./data).
            SIGTERM or Ctrl-C ends it: clients are told, and what is in flight may finish.

            Exit codes: 0 ended by a signal, 1 couldn't listen or run, 2 a variable can't be used.
            """
    )

    package init() {}

    package func run() async throws {
        let variables = Variables(ProcessInfo.processInfo.environment)
        do {
            let configuration = try PlatformConfiguration(variables, cores: System.coreCount)
            configuration.logFormat.install()
            warn(about: variables.unknown)
            for warning in configuration.tlsWarnings {
                Logger(label: "fluxgate").warning("TLS", metadata: ["problem": "\(warning)"])
            }
            let registry = MetricsRegistry()
            registry.install()
            try await Platform(configuration, registry: registry).run {
                FileHandle.standardOutput.write(Data(($0 + "\n").utf8))
            }
        } catch let error as ConfigurationError {
            try fail("\(error)", code: 2)
        } catch {
            try fail("\(error)", code: 1)
        }
    }

    private func warn(about unknown: [String]) {
        for name in unknown {
            Logger(label: "fluxgate").warning("unknown variable", metadata: ["name": "\(name)"])
        }
    }

    private func fail(_ message: String, code: Int32) throws -> Never {
        FileHandle.standardError.write(Data("fluxgate: \(message)\n".utf8))
        throw ExitCode(code)
    }
}
