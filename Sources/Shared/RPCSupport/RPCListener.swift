package import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
package import Logging
internal import NIOCore
package import NIOPosix
internal import ServiceLifecycle
package import TLSSupport

/// A gRPC server as a service.
package struct RPCListener: Service {
    /// Most bytes of a message: a batch of 1,024 questions about keys, of which the longest has 256.
    private static let maximumRequest = 320 * 1_024
    private static let maximumStreams = 1_000

    private let name: String
    private let address: ListenAddress
    private let server: GRPCServer<HTTP2ServerTransport.Custom<RPCListenerFactory>>

    /// - Parameters:
    ///   - tls: nil: connections are plain.
    ///   - onListening: called with the address once it is bound; with port 0 the port is the one it got.
    package init(
        _ name: String,
        on address: ListenAddress,
        tls: ServerTLS?,
        services: [any RegistrableRPCService],
        group: MultiThreadedEventLoopGroup,
        logger: Logger,
        onListening: @escaping @Sendable (ListenAddress) -> Void
    ) throws {
        let resolved: NIOCore.SocketAddress
        do {
            resolved = try NIOCore.SocketAddress.makeAddressResolvingHost(address.host, port: address.port)
        } catch {
            throw ListenError(name, address, error)
        }
        var config = HTTP2ServerTransport.Custom<RPCListenerFactory>.Config.defaults
        config.rpc.maxRequestPayloadSize = Self.maximumRequest
        config.http2.maxConcurrentStreams = Self.maximumStreams
        // Nobody who is gone without a word may hold up the end.
        config.connection.maxGraceTime = .seconds(3)
        config.connection.keepalive = .init(
            time: .seconds(30),
            timeout: .seconds(10),
            clientBehavior: .init(minPingIntervalWithoutCalls: .seconds(5), allowWithoutCalls: true)
        )
        let factory = RPCListenerFactory(
            address: resolved,
            tls: tls.map { TLSListener(name, $0) },
            eventLoopGroup: group,
            onListening: { onListening(ListenAddress(host: address.host, port: $0)) }
        )
        let transport = HTTP2ServerTransport.Custom(listenerFactory: factory, config: config)
        self.name = name
        self.address = address
        self.server = GRPCServer(transport: transport, services: services, interceptors: [CallLog(logger: logger)])
    }

    package func run() async throws {
        do {
            try await withGracefulShutdownHandler {
                try await server.serve()
            } onGracefulShutdown: {
                server.beginGracefulShutdown()
            }
        } catch let error where !(error is CancellationError) {
            throw ListenError(name, address, (error as? RuntimeError)?.cause ?? error)
        }
    }
}
