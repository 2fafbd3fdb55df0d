internal import ServiceLifecycle

/// The life of adapters: on shutdown nobody new is let in, everybody is told, and what is in flight may finish.
package struct AdaptersService: Service {
    private let listeners: [Listener]
    private let loops: AdapterLoops

    package init(listeners: [Listener], loops: AdapterLoops) {
        self.listeners = listeners
        self.loops = loops
    }

    package func run() async throws {
        // What has been revoked since is found by each loop's sweep; it isn't waited for.
        let (changes, input) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        for listener in listeners { listener.onChange { input.yield() } }
        for await _ in changes.cancelOnGracefulShutdown() { try await loops.forEach { $0.sweep() } }
        for listener in listeners { await listener.close() }
        try await loops.shutDown()
        while try await loops.connectionCount() > 0 { try await Task.sleep(for: .milliseconds(20)) }
    }
}
