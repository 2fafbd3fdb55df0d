internal import GRPCNIOTransportHTTP2Posix
internal import NIOCore
internal import NIOPosix
internal import TLSSupport

/// Binds a gRPC server's socket, with our own TLS before each connection: the library's own can be told neither which
/// versions and suites to speak nor that the authorities have changed.
struct RPCListenerFactory: HTTP2ServerTransport.ListenerFactory {
    let address: NIOCore.SocketAddress
    /// Nil: connections are plain.
    let tls: TLSListener?
    let eventLoopGroup: any EventLoopGroup
    /// Called with the port once it is bound.
    let onListening: @Sendable (Int) -> Void

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
        connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
    ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
        let listening = try await ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
            .bind(to: address) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try tls?.install(on: channel) { _ in }
                }.flatMap {
                    connectionConfigurator.configure(
                        channel: channel,
                        tls: tls == nil ? .none : .configured(requireALPN: false)
                    )
                }
            }
        onListening(listening.channel.localAddress?.port ?? 0)
        return listening
    }
}
