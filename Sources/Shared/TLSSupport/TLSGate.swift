internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Stands behind TLS on one connection, and lets nothing through before the client has been judged.
///
/// handshaking → open, or → refused: then the connection ends, and nothing it still sends is passed on.
///
/// A resumed session brings the certificate of an earlier handshake, which nobody has looked at since: so the dates are
/// judged here after every handshake, resumed or not. Its chain need not be: tickets die with the authorities they were
/// given under. Where proxies are let in beside clients it is, to tell one from the other, and where revocation lists are
/// looked at.
final class TLSGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// TLS keeps, as long as the connection lives, a buffer as large as the largest piece it ever had to encrypt at once.
    static let largestPiece = 64 << 10

    private enum State {
        case handshaking(Scheduled<Void>?)
        case open
        case refused
    }

    private let listener: TLSListener
    private let handler: NIOSSLServerHandler
    private let linger: HandshakeLinger
    private let welcome: (TLSVisitor) throws -> Void
    private var state = State.handshaking(nil)
    private var waiting: [(ByteBuffer, EventLoopPromise<Void>?)] = []
    private var isWriting = false

    init(
        listener: TLSListener,
        handler: NIOSSLServerHandler,
        linger: HandshakeLinger,
        welcome: @escaping (TLSVisitor) throws -> Void
    ) {
        self.listener = listener
        self.handler = handler
        self.linger = linger
        self.welcome = welcome
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let timeout = context.eventLoop.assumeIsolated().scheduleTask(in: listener.tls.handshakeTimeout) {
            self.refuse(.timeout, nil, context)
        }
        state = .handshaking(timeout)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        stopTimer()
    }

    func channelInactive(context: ChannelHandlerContext) {
        stopTimer()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .open = state { context.fireChannelRead(data) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { judge(context) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch (state, error) {
        case (.refused, _):
            break
        // The end of the stream without a close_notify: every protocol above says by itself where its messages end.
        case (_, NIOSSLError.uncleanShutdown):
            break
        case (.handshaking, let error as NIOSSLError):
            // TLS closes the connection by itself, behind its alert.
            let certificate = handler.peerCertificate
            note(TLSRefusal(error, certificate, at: listener.clock()), certificate, context)
        case (.open, is BoringSSLError):
            refuse(.record, nil, context)
        default:
            context.fireErrorCaught(error)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        guard isWriting || bytes.readableBytes > Self.largestPiece else { return context.write(data, promise: promise) }
        waiting.append((bytes, promise))
        // Writing a piece may call back to who writes: then what it writes comes behind the pieces of this.
        guard !isWriting else { return }
        isWriting = true
        while !waiting.isEmpty {
            var (bytes, promise) = waiting.removeFirst()
            while bytes.readableBytes > Self.largestPiece, let piece = bytes.readSlice(length: Self.largestPiece) {
                context.writeAndFlush(wrapOutboundOut(piece), promise: nil)
            }
            context.write(wrapOutboundOut(bytes), promise: promise)
        }
        isWriting = false
    }

    /// TLS would put a half-close aside until the handshake is over; who isn't let in is closed at once.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if case .open = state {
            context.close(mode: mode, promise: promise)
        } else {
            context.close(mode: .all, promise: promise)
        }
    }

    // MARK: The judgement

    private func judge(_ context: ChannelHandlerContext) {
        guard case .handshaking = state else { return }
        guard listener.tls.asksForCertificate else { return open(.anybody, context) }
        guard let certificate = handler.peerCertificate else { return refuse(.noCertificate, nil, context) }
        switch listener.tls.visitor(showing: certificate, at: listener.clock()) {
        case .success(let visitor): open(visitor, context)
        case .failure(let reason): refuse(reason, certificate, context)
        }
    }

    private func open(_ visitor: TLSVisitor, _ context: ChannelHandlerContext) {
        stopTimer()
        state = .open
        context.pipeline.syncOperations.removeHandler(linger, promise: nil)
        listener.welcomed()
        do { try welcome(visitor) } catch { context.close(promise: nil) }
    }

    private func refuse(_ reason: TLSRefusal, _ certificate: NIOSSLCertificate?, _ context: ChannelHandlerContext) {
        note(reason, certificate, context)
        context.close(promise: nil)
    }

    private func note(_ reason: TLSRefusal, _ certificate: NIOSSLCertificate?, _ context: ChannelHandlerContext) {
        stopTimer()
        state = .refused
        listener.refused(reason, certificate, context.channel.remoteAddress)
    }

    private func stopTimer() {
        guard case .handshaking(let timeout?) = state else { return }
        timeout.cancel()
        state = .handshaking(nil)
    }
}
