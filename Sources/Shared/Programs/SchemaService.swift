internal import Bootstrap
internal import Logging
package import ServiceLifecycle
internal import Synchronization

/// Brings a database's schema up to date, however long the database takes to come, before those are let run who need it.
package final class SchemaService: Service {
    private let prepare: @Sendable () async throws -> Void
    private let isOutage: @Sendable (any Error) -> Bool
    private let logger: Logger
    private let isReady = Atomic(false)

    /// - Parameters:
    ///   - isOutage: whether an error may be gone when the same is tried again; any other ends the program.
    ///   - prepare: may be called more than once.
    package init(
        _ host: ProgramHost,
        isOutage: @escaping @Sendable (any Error) -> Bool,
        prepare: @escaping @Sendable () async throws -> Void
    ) {
        self.prepare = prepare
        self.isOutage = isOutage
        logger = host.logger
    }

    package func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.prepareForEver() }
        } catch is CancellationError {
            return
        }
        try? await gracefulShutdown()
    }

    private func prepareForEver() async throws {
        while true {
            do {
                try await prepare()
                return isReady.store(true, ordering: .releasing)
            } catch let error where isOutage(error) {
                logger.warning("waiting for the database", metadata: ["reason": "\(error)"])
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// The same service, run once the schema is as it should be.
    package func before(_ service: any Service) -> any Service { Deferred(schema: self, service: service) }

    private struct Deferred: Service {
        let schema: SchemaService
        let service: any Service

        func run() async throws {
            let reached: ()? = try? await cancelWhenGracefulShutdown {
                while !schema.isReady.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(20)) }
            }
            guard reached != nil else { return }
            try await service.run()
        }
    }
}

/// Something that is closed when everybody who uses it has ended.
package struct ClosingService: Service {
    private let close: @Sendable () -> Void

    package init(close: @escaping @Sendable () -> Void) { self.close = close }

    package func run() async {
        try? await gracefulShutdown()
        close()
    }
}
