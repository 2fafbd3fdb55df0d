internal import AdapterTransport
internal import HTTPAdapter
internal import MQTTAdapter
internal import ServiceLifecycle
internal import WSAdapter

/// The life of the three adapters: on shutdown nobody new is let in, everybody is told, and what is in flight may finish.
struct AdaptersService: Service {
    let listeners: [Listener]
    let loops: AdapterLoops

    func run() async throws {
        try await gracefulShutdown()
        for listener in listeners { await listener.close() }
        try await loops.shutDown()
        while try await loops.connectionCount() > 0 { try await Task.sleep(for: .milliseconds(20)) }
    }
}
