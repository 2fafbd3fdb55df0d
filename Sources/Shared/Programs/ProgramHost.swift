package import Bootstrap
internal import Foundation
package import HTTPSupport
package import Logging
package import NIOPosix
package import ServiceLifecycle
package import TLSSupport
internal import UnixSignals

/// What all programs do alike while they run: event loops, the operator's listener, signals, and an orderly end.
package struct ProgramHost: Sendable {
    /// Lasts as long as the process: libraries finish with a channel after its service has ended.
    package let group: MultiThreadedEventLoopGroup
    /// What answers REST requests: messages don't wait while a large one is worked on.
    private let restGroup: MultiThreadedEventLoopGroup
    package let logger: Logger
    package let start: StartUp

    private let settings: ProgramSettings
    private let registry: MetricsRegistry

    /// Runs what the body makes until SIGTERM or SIGINT. Throws what the body throws, ``ListenError`` among it.
    ///
    /// - Parameters:
    ///   - summary: what is told on standard output once every listener of it is open.
    ///   - services: makes what is run, in the order in which the parts depend on each other; they end in the opposite one.
    package static func run(
        _ settings: ProgramSettings,
        _ registry: MetricsRegistry,
        _ summary: StartUpSummary,
        services: (ProgramHost) async throws -> [any Service]
    ) async throws {
        FreeMemory.prepare()
        var logger = Logger(label: settings.name)
        logger.logLevel = settings.logLevel.level
        logger.debug("open files", metadata: ["limit": "\(FileLimit.raise())"])
        let group = MultiThreadedEventLoopGroup(numberOfThreads: settings.eventLoops)
        let host = ProgramHost(
            group: group,
            restGroup: MultiThreadedEventLoopGroup(numberOfThreads: settings.eventLoops),
            logger: logger,
            start: StartUp(summary) { FileHandle.standardOutput.write(Data(($0 + "\n").utf8)) },
            settings: settings,
            registry: registry
        )
        let ops = makeOpsResponder(
            settings.name,
            readiness: host.start.readiness,
            registry: registry,
            version: Release.version
        )
        let reloading = await ReloadService(settings.liveFiles)
        let services = try await services(host)
        try await host.run([FreeMemory(), reloading, host.rest("ops", ops, settings.ops, settings.opsTLS)] + services)
    }

    private func run(_ services: [any Service]) async throws {
        var group = ServiceGroupConfiguration(
            services: services.map { .init(service: $0) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        group.maximumGracefulShutdownDuration = settings.shutdownGrace
        do {
            try await ServiceGroup(configuration: group).run()
        } catch is CancellationError {
            logger.warning("shutdown grace is over", metadata: ["grace": "\(settings.shutdownGrace)"])
        }
    }

    /// A REST listener.
    package func rest(
        _ name: String,
        _ responder: RESTResponder,
        _ address: ListenAddress,
        _ tls: ServerTLS?,
        logLevel: LogLevel? = nil
    ) -> any Service {
        var logger = Logger(label: name)
        let level = (logLevel ?? settings.logLevel).level
        // What a listener says of its start and end at `info` stands in the summary already.
        logger.logLevel = level == .info ? .notice : level
        let service = makeHTTPService(
            responder: responder,
            host: address.host,
            port: address.port,
            tls: tls.map { TLSListener(name, $0) },
            eventLoopGroup: restGroup,
            logger: logger,
            onRunning: { port in
                start.isListening(name, on: ListenAddress(host: address.host, port: port), isSecure: tls != nil)
            }
        )
        return ListeningService(name: name, address: address, base: service)
    }
}
