package import GRPCCore
package import GRPCNIOTransportHTTP2Posix
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// The connections to one gRPC service: to all addresses of its name in turn, kept alive, and made again with back-off.
package final class RPCClient: Service {
    package typealias Transport = HTTP2ClientTransport.Posix

    /// How the connection is secured.
    package enum Trust: Sendable, Equatable {
        case plain
        /// TLS; the server's certificate is for the host, and signed by one in this PEM file; nil: by one the system trusts.
        case authorities(String?)
    }

    /// What the client proves itself with: PEM files of a certificate, with those between it and its root, and of its key.
    package struct Pair: Sendable, Equatable {
        let certificate: String
        let key: String

        package init(certificate: String, key: String) { (self.certificate, self.key) = (certificate, key) }
    }

    package let client: GRPCClient<Transport>
    /// How long a call may take.
    package let timeout: Duration
    private let target: RPCTarget
    private let problem = Mutex<String?>("not asked yet")

    /// Connects when it runs, on event loops that last as long as the process: an attempt may outlive a program's own. Throws
    /// if the files of the trust can't be used.
    package init(_ target: RPCTarget, trust: Trust, pair: Pair? = nil, timeout: Duration) throws {
        var registry = NameResolverRegistry()
        registry.registerFactory(AllAddresses())
        let transport = try HTTP2ClientTransport.Posix(
            target: AllAddresses.Target(target: target),
            transportSecurity: trust.security(pair),
            config: .defaults { config in
                config.backoff = .init(initial: .milliseconds(100), max: .seconds(2), multiplier: 1.6, jitter: 0.2)
                config.connection.keepalive = .init(time: .seconds(10), timeout: .seconds(5), allowWithoutCalls: true)
                // Without it an idle connection would be closed and the next question would have to wait.
                config.connection.maxIdleTime = nil
            },
            resolverRegistry: registry,
            serviceConfig: ServiceConfig(loadBalancingConfig: [.roundRobin]),
            eventLoopGroup: .singletonMultiThreadedEventLoopGroup
        )
        client = GRPCClient(transport: transport, interceptors: [TracingClient()])
        self.timeout = timeout
        self.target = target
    }

    /// Connects until a graceful shutdown: then what is under way is finished.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.client.runConnections() }
            group.addTask {
                try? await gracefulShutdown()
                self.client.beginGracefulShutdown()
                // One that has found no address yet doesn't end by itself.
                try await Task.sleep(for: .seconds(1))
            }
            try await group.next()
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError {}
        }
    }

    package var options: CallOptions {
        var options = CallOptions.defaults
        options.timeout = timeout
        return options
    }

    /// Why the service couldn't answer when it was asked last; nil if it could.
    package var outage: String? { problem.withLock { $0 } }

    /// Asks again and again whether the service is there, for ``outage``.
    ///
    /// - Parameter ask: a cheap call, whose refusal is an answer too.
    package func watch(_ ask: @escaping @Sendable () async throws -> Void) async {
        while !Task.isCancelled {
            do {
                try await ask()
                problem.withLock { $0 = nil }
            } catch let error as RPCError {
                problem.withLock { $0 = error.isOutage ? "\(target): \(error.message)" : nil }
            } catch {
                problem.withLock { $0 = "\(target): \(error)" }
            }
            try? await Task.sleep(for: .milliseconds(500))
        }
    }
}

extension RPCError {
    /// Whether it says nothing about what was asked: another attempt may get an answer. Only what can mean nothing else is a
    /// refusal.
    package var isOutage: Bool {
        switch code {
        case .permissionDenied, .unauthenticated, .notFound: false
        // The library says it too, with a cause, of an answer that it can't read.
        case .invalidArgument: cause != nil
        default: true
        }
    }
}

extension RPCClient.Trust {
    fileprivate func security(_ pair: RPCClient.Pair?) -> HTTP2ClientTransport.Posix.TransportSecurity {
        guard case .authorities(let file) = self else { return .plaintext }
        return .tls { tls in
            if let file { tls.trustRoots = .certificates([.file(path: file, format: .pem)]) }
            guard let pair else { return }
            tls.certificateChain = [.file(path: pair.certificate, format: .pem)]
            tls.privateKey = .file(path: pair.key, format: .pem)
        }
    }
}
