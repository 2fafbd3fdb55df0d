import Foundation
import Logging
import Messaging
import Model
import NATSBus
import NIOCore
import Synchronization
import TestSupport
import Testing

/// One process: a connection, its bus, and what came in.
final class Node: Sendable {
    let connection: NATSConnection
    let bus: NATSMessageBus
    let received = Mutex<[Message]>([])
    /// Channels whose subscribers are behind.
    let strained = Mutex<Set<ChannelID>>([])
    private let watching = Mutex<Task<Void, Never>?>(nil)

    /// - Parameter stream: keeps what it publishes, if it is named.
    init(unconnectedTo port: Int, stream name: String? = nil) throws {
        let logger = Logger(label: "test")
        let connection = try NATSConnection(
            NATSConfiguration(servers: [Secret("nats://127.0.0.1:\(port)")]),
            sharesThread: true,
            logger: logger
        )
        self.connection = connection
        let limits = MessageStream.Limits(bytes: 64 << 20, age: .seconds(60))
        let stream = name.map { MessageStream(connection, name: $0, limits: limits, logger: logger) }
        bus = NATSMessageBus(connection, stream: stream, logger: logger)
        bus.start(Inbox(node: self))
        connection.start()
        guard let stream else { return }
        watching.withLock { [bus] task in
            task = Task {
                async let streaming: Void = stream.watch()
                await bus.watch()
                await streaming
            }
        }
    }

    convenience init(_ server: TemporaryNATS, stream: String? = nil) async throws {
        try await self.init(port: server.port, stream: stream)
    }

    convenience init(port: Int, stream: String? = nil) async throws {
        try self.init(unconnectedTo: port, stream: stream)
        try await eventually { self.bus.link.isUp }
    }

    deinit {
        watching.withLock { $0?.cancel() }
        bus.close()
        connection.close()
    }

    var payloads: [String] { received.withLock { $0.map { String(buffer: $0.payload) } } }

    func payloads(of topic: Topic) -> [String] {
        received.withLock { $0.filter { $0.topic == topic }.map { String(buffer: $0.payload) } }
    }

    func settled() async {
        await withCheckedContinuation { continuation in bus.whenJoined { continuation.resume() } }
    }

    /// Answers whether it is safe.
    @discardableResult
    func publish(_ topic: Topic, _ payload: String) async throws -> Bool {
        let message = try #require(makeMessage(on: topic, payload: payload))
        return await withCheckedContinuation { continuation in
            bus.publish([message]) { continuation.resume(returning: $0) }
        }
    }

    func waits(for count: Int) async throws {
        try await eventually { self.payloads.count >= count }
    }
}

/// What the node's bus gives to; it doesn't hold the node.
private struct Inbox: BusReceiver {
    weak let node: Node?

    func receive(_ message: Message) { node?.received.withLock { $0.append(message) } }
    func isStrained(_ channel: ChannelID) -> Bool { node?.strained.withLock { $0.contains(channel) } ?? false }
    func whenTaken(_ channel: ChannelID?, _ then: @escaping @Sendable () -> Void) {
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(2), execute: then)
    }
}
