import FluxgateClient
import NIOCore
import NIOPosix
import Testing

/// A server on a free port of the loopback address for as long as the body runs.
@discardableResult
func withListener<Value>(
    scheme: String,
    _ configure: @escaping @Sendable (any NIOCore.Channel) throws -> Void,
    _ body: (ServiceAddress) async throws -> Value
) async throws -> Value {
    let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .childChannelInitializer { channel in channel.eventLoop.makeCompletedFuture { try configure(channel) } }
        .bind(host: "127.0.0.1", port: 0)
        .get()
    do {
        let address = try #require(ServiceAddress("\(scheme)://127.0.0.1:\(listener.localAddress?.port ?? 0)"))
        let value = try await body(address)
        try await listener.close()
        return value
    } catch {
        try? await listener.close()
        throw error
    }
}

/// An address on which nothing listens.
func closedAddress(scheme: String) async throws -> ServiceAddress {
    try await withListener(scheme: scheme, { _ in }) { $0 }
}
