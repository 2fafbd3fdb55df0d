import Logging
import NIOCore
import NIOEmbedded
import NIOSSL
import TestSupport

@testable import TLSSupport

/// Both ends of one TLS connection, without sockets: the server with our gate, the client with NIOSSL's handler.
final class TLSPipe {
    let loop = EmbeddedEventLoop()
    let server: EmbeddedChannel
    let client: EmbeddedChannel
    let metrics = RecordingMetrics()
    private let wire = Wire()
    private let heard = Heard()
    private(set) var welcomes: [TLSPeer] = []
    private(set) var certificates: [ShownCertificate?] = []

    /// - Parameters:
    ///   - clock: what the gate takes the time from; nil: the real one.
    ///   - isClosed: whether nobody is welcome any more.
    init(
        _ tls: ServerTLS,
        client: TLSConfiguration? = nil,
        clock: (@Sendable () -> Int)? = nil,
        isClosed: Bool = false
    ) throws {
        server = EmbeddedChannel(loop: loop)
        self.client = EmbeddedChannel(loop: loop)
        let listener =
            if let clock { TLSListener("test", tls, metrics: metrics, clock: clock) } else {
                TLSListener("test", tls, metrics: metrics)
            }
        try listener.install(on: server) { [unowned self] visitor in
            guard !isClosed else { throw ChannelError.ioOnClosedChannel }
            welcomes.append(visitor.peer)
            certificates.append(visitor.certificate)
        }
        try server.pipeline.syncOperations.addHandler(wire, position: .first)
        try server.pipeline.syncOperations.addHandler(heard)
        server.pipeline.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        if let client {
            let handler = try NIOSSLClientHandler(context: NIOSSLContext(configuration: client), serverHostname: nil)
            try self.client.pipeline.syncOperations.addHandler(handler)
        }
        self.client.pipeline.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 2), promise: nil)
    }

    /// Carries bytes in both directions until both sides are silent. What a failed handshake throws is the test's to see.
    func run() throws {
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            loop.run()
            while let bytes = try client.readOutbound(as: ByteBuffer.self) {
                isQuiet = false
                receive(bytes)
            }
            while let bytes = try server.readOutbound(as: ByteBuffer.self) {
                isQuiet = false
                // A client that is told of a failure closes; what it throws the test reads off the server's side.
                _ = try? client.writeInbound(bytes)
            }
        }
    }

    /// The server's socket brings bytes.
    func receive(_ bytes: ByteBuffer) {
        server.pipeline.fireChannelRead(bytes)
        server.pipeline.fireChannelReadComplete()
    }

    /// The client's side sends its FIN, without a close_notify.
    func halfClose() {
        server.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        loop.run()
    }

    func send(_ text: String) throws {
        try client.writeOutbound(ByteBuffer(string: text))
        try run()
    }

    /// What came through the gate.
    var text: String { heard.text }
    var errors: [any Error] { heard.errors }
    var hasHeardEnd: Bool { heard.inputClosed }
    /// Whether the server has sent its FIN.
    var isEnded: Bool { wire.isOutputClosed || !server.isActive }

    func refusals(_ reason: TLSRefusal) -> Int64 {
        metrics.total("fluxgate_tls_refused_total{listener=test,reason=\(reason.rawValue)}") ?? 0
    }

    var allRefusals: Int64 {
        metrics.all.filter { $0.key.hasPrefix("fluxgate_tls_refused_total") }.values.reduce(0, +)
    }
}

/// The place of the server's socket.
private final class Wire: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    var isOutputClosed = false

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        isOutputClosed = true
        if mode == .output { promise?.succeed(()) } else { context.close(mode: mode, promise: promise) }
    }
}

/// What stands behind the gate.
private final class Heard: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var text = ""
    var errors: [any Error] = []
    var inputClosed = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { text += String(buffer: unwrapInboundIn(data)) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { errors.append(error) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { inputClosed = true }
    }
}
