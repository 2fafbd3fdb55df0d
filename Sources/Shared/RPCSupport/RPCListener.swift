package import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
package import Logging
internal import NIOCertificateReloading
internal import NIOCore
package import NIOPosix
internal import NIOSSL
internal import ServiceLifecycle
package import TLSSupport

/// A gRPC server as a service.
package struct RPCListener: Service {
    /// Most bytes of a message: a batch of 1,024 questions about keys, of which the longest has 256.
    private static let maximumRequest = 320 * 1_024
    private static let maximumStreams = 1_000

    private let name: String
    private let address: ListenAddress
    private let server: GRPCServer<HTTP2ServerTransport.Posix>
    private let onListening: @Sendable (ListenAddress) -> Void

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
        let ip = resolved.ipAddress ?? address.host
        let transport = HTTP2ServerTransport.Posix(
            address: resolved.protocol == .inet6
                ? .ipv6(host: ip, port: address.port) : .ipv4(host: ip, port: address.port),
            transportSecurity: try Self.security(name, tls),
            config: .defaults { config in
                config.rpc.maxRequestPayloadSize = Self.maximumRequest
                config.http2.maxConcurrentStreams = Self.maximumStreams
                // Nobody who is gone without a word may hold up the end.
                config.connection.maxGraceTime = .seconds(3)
                config.connection.keepalive = .init(
                    time: .seconds(30),
                    timeout: .seconds(10),
                    clientBehavior: .init(minPingIntervalWithoutCalls: .seconds(5), allowWithoutCalls: true)
                )
            },
            eventLoopGroup: group
        )
        self.name = name
        self.address = address
        self.server = GRPCServer(transport: transport, services: services, interceptors: [CallLog(logger: logger)])
        self.onListening = onListening
    }

    private static func security(
        _ name: String,
        _ tls: ServerTLS?
    ) throws -> HTTP2ServerTransport.Posix.TransportSecurity {
        guard let tls else { return .plaintext }
        guard let authorities = tls.clientAuthorities else { return try .tls(certificateReloader: LivePair(tls: tls)) }
        let listener = TLSListener(name, tls)
        return try .mTLS(certificateReloader: LivePair(tls: tls)) { config in
            config.trustRoots = .certificates([.file(path: authorities, format: .pem)])
            // The authorities of today; the library keeps those of its start.
            config.customVerificationCallback = { certificates, promise in
                promise.succeed(listener.isWelcome(certificates.first) ? .certificateVerified(.init(nil)) : .failed)
            }
        }
    }

    /// What an operator should know.
    package static func warnings(minimumVersion: ServerTLS.Version) -> [String] {
        minimumVersion == .v1_2 ? [] : ["MF_TLS_MIN_VERSION=\(minimumVersion.rawValue): gRPC still takes TLS 1.2 too"]
    }

    package func run() async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await withGracefulShutdownHandler {
                        try await server.serve()
                    } onGracefulShutdown: {
                        server.beginGracefulShutdown()
                    }
                }
                group.addTask { try await announce() }
                try await group.waitForAll()
            }
        } catch let error where !(error is CancellationError) {
            throw ListenError(name, address, (error as? RuntimeError)?.cause ?? error)
        }
    }

    private func announce() async throws {
        let bound = try await server.listeningAddress
        onListening(ListenAddress(host: address.host, port: bound?.ipv4?.port ?? bound?.ipv6?.port ?? address.port))
    }
}

/// gRPC keeps one TLS context, but asks for every connection which certificate it shows.
private struct LivePair: CertificateReloader {
    let tls: ServerTLS

    var sslContextConfigurationOverride: NIOSSLContextConfigurationOverride {
        let (chain, key) = tls.pair
        var override = NIOSSLContextConfigurationOverride()
        override.certificateChain = chain.map { .certificate($0) }
        override.privateKey = .privateKey(key)
        return override
    }
}
