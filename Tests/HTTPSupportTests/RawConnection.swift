import HTTPSupport
import Hummingbird
import Logging
import Model
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Runs a listener with these routes for as long as the body runs, and hands it the port.
func withListener<Value: Sendable>(
    _ routes: RouteTable = .sample(),
    limits: HTTPLimits = HTTPLimits(),
    metrics: RESTMetrics = RESTMetrics(namespace: "test_api"),
    _ body: @Sendable (Int) async throws -> Value
) async throws -> Value {
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let service = makeHTTPService(
        responder: RESTResponder(routes, metrics: metrics),
        host: "127.0.0.1",
        port: 0,
        limits: limits,
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        onRunning: { continuation.yield($0) }
    )
    let group = ServiceGroup(
        services: [service],
        logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    )
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let port = await ports.first { _ in true } ?? 0
        do {
            let value = try await body(port)
            await group.triggerGracefulShutdown()
            return value
        } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
    }
}

/// What the other end of a socket says until it closes.
struct RawConnection {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    static func open(port: Int) async throws -> Self {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel,
                        configuration: .init(isOutboundHalfClosureEnabled: true)
                    )
                }
            }
        return Self(channel: channel)
    }

    /// Sends the text and answers all that comes back until the server closes its side.
    ///
    /// - Parameter thenClosing: whether to close our side of the connection once all is sent.
    func exchange(_ text: String, thenClosing: Bool = false) async throws -> String {
        try await channel.executeThenClose { inbound, outbound in
            // The server may have answered and gone before it has read all of this.
            try? await outbound.write(ByteBuffer(string: text))
            if thenClosing { outbound.finish() }
            var answer = ""
            do {
                for try await part in inbound { answer += String(buffer: part) }
            } catch is IOError {}
            return answer
        }
    }
}

func exchange(_ text: String, port: Int, thenClosing: Bool = false) async throws -> String {
    try await RawConnection.open(port: port).exchange(text, thenClosing: thenClosing)
}

extension RouteTable {
    /// A few routes that answer what they have been asked.
    static func sample() -> RouteTable {
        var routes = RouteTable()
        routes.addVersion(service: "sample", version: "1.2.3")
        routes.on(.get, "/things", as: "list_things") { request in
            let page = try request.query().page()
            return .json(.ok, ["offset": .integer(Int64(page.offset)), "limit": .integer(Int64(page.limit))])
        }
        routes.on(.post, "/things", as: "create_things", bodyLimit: 4096) { request in
            let fields = try await request.jsonFields()
            return .json(.created, ["name": try fields.string("name").map { .string($0) }])
        }
        routes.on(.post, "/things/bulk", as: "create_things") { request in
            .json(.created, ["count": .integer(Int64(try await request.jsonList().count))])
        }
        routes.on(.get, "/things/:id", as: "view_thing") { request in
            .json(
                .ok,
                ["id": .string(request.parameter("id")), "token": try request.token().map { .string($0.revealed) }]
            )
        }
        routes.on(.delete, "/things/:id", as: "remove_thing") { _ in .empty(.noContent) }
        routes.on(.get, "/things/:id/channels", as: nil) { _ in .empty(.ok) }
        routes.on(.get, "/broken", as: nil) { _ in throw Broken() }
        routes.on(.get, "/cancelled", as: nil) { _ in throw CancellationError() }
        return routes
    }
}

struct Broken: Error, CustomStringConvertible {
    var description: String { "a detail that nobody outside may see" }
}
