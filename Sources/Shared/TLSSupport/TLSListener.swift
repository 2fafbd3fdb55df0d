internal import Logging
package import Metrics
package import NIOCore
internal import NIOSSL

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// TLS on one listener: what it says and counts of the clients that it lets in and turns away.
package struct TLSListener: Sendable {
    package let name: String
    package let tls: ServerTLS
    /// Seconds since 1970.
    package let clock: @Sendable () -> Int
    /// Also for what is refused behind TLS because of the certificate.
    package let log: RefusalLog
    private let handshakes: Counter
    private let metrics: any MetricsFactory

    /// - Parameters:
    ///   - name: the `listener` label of its metrics.
    ///   - clock: seconds since 1970.
    package init(
        _ name: String,
        _ tls: ServerTLS,
        metrics: any MetricsFactory = MetricsSystem.factory,
        clock: @escaping @Sendable () -> Int = { time(nil) }
    ) {
        self.name = name
        self.tls = tls
        self.clock = clock
        self.log = RefusalLog(label: name)
        self.handshakes = Counter(
            label: "fluxgate_tls_handshakes_total",
            dimensions: [("listener", name)],
            factory: metrics
        )
        self.metrics = metrics
    }

    /// Puts TLS at the front of a connection's pipeline. Behind it nothing is heard before the client has been let in.
    ///
    /// - Parameter welcome: called then, with who it is. It may add what stands behind TLS; if it throws, the
    ///   connection ends.
    package func install(on channel: any Channel, welcome: @escaping (TLSVisitor) throws -> Void) throws {
        let handler = NIOSSLServerHandler(context: tls.context)
        let linger = HandshakeLinger()
        let gate = TLSGate(listener: self, handler: handler, linger: linger, welcome: welcome)
        try channel.pipeline.syncOperations.addHandlers([linger, handler, gate], position: .first)
    }

    /// Judges what the proxies that are let in here pass on; nil: there are none.
    package var verifier: PassedOnVerifier? {
        tls.proxies == nil ? nil : PassedOnVerifier(tls, clock: clock)
    }

    func welcomed() { handshakes.increment() }

    func refused(_ reason: TLSRefusal, _ certificate: NIOSSLCertificate?, _ remote: SocketAddress?) {
        Counter(
            label: "fluxgate_tls_refused_total",
            dimensions: [("listener", name), ("reason", reason.rawValue)],
            factory: metrics
        ).increment()
        if reason != .aborted { log.refused(reason.rawValue, remote: remote, serial: certificate?.serialNumber) }
    }
}
