internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1

/// The rest of a request won't come: the connection has been answered and is closing.
struct RequestCutShort: Error {}

/// Stands between the HTTP parser and the application: refuses what is malformed, ambiguous or too slow with a problem
/// body, and ends connections so that the peer can read the last answer.
///
/// It needs the pipelining handler before it, so that it sees one request at a time.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Where refusals are written; it lets go of us when the channel closes, and we of it.
    var edge: ConnectionEdge?
    private let limits: HTTPLimits
    private let onRefusal: @Sendable (Int) -> Void
    private var gate = RequestGate()
    private var timer: Scheduled<Void>?
    private var context: ChannelHandlerContext?

    init(limits: HTTPLimits, onRefusal: @escaping @Sendable (Int) -> Void) {
        self.limits = limits
        self.onRefusal = onRefusal
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { restartTimer() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
        self.edge = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        restartTimer()
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        gate.close()
        context.fireChannelInactive()
    }

    // MARK: Requests

    /// Called by ``ConnectionEdge`` before the parser sees the bytes.
    func bytesArrived() {
        guard gate.phase == .idle else { return }
        gate.bytesArrived()
        restartTimer()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard gate.phase != .closing else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            headArrived(head, context: context)
        case .body:
            context.fireChannelRead(data)
        case .end:
            gate.requestEnded()
            if gate.phase == .handling { restartTimer() }
            context.fireChannelRead(data)
        }
    }

    private func headArrived(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
        if let refusal = HeadRules.refusal(of: head, bodyLimit: limits.bodySize) { return refuse(refusal) }
        // After an upgrade or a CONNECT the parser stops; we do neither.
        let stopsParser = head.method == .CONNECT || head.headers.contains(name: "upgrade")
        gate.headArrived(closesAfterAnswer: !head.isKeepAlive || stopsParser)
        restartTimer()
        if head.version == .http1_1, head.headers.first(name: "expect")?.lowercased() == "100-continue" {
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))),
                promise: nil
            )
        }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow:
            refuse(Problem(.requestHeaderFieldsTooLarge, "request header fields too large"))
        case let error as HTTPParserError:
            refuse(Problem(.badRequest, "malformed request", detail: "\(error)"))
        default:
            context.fireErrorCaught(error)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if gate.phase == .closing, case ChannelEvent.inputClosed = event {
            context.close(promise: nil)
            return
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: Answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard gate.phase != .closing else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head):
            gate.answerStarted()
            restartTimer()
            if gate.closesAfterAnswer { head.headers.replaceOrAdd(name: "connection", value: "close") }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            context.write(data, promise: promise)
            if gate.answerEnded() { linger(context) } else { restartTimer() }
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .input:
            context.close(mode: mode, promise: promise)
        case .output where gate.phase == .closing:
            promise?.succeed()
        case .output:
            gate.close()
            restartTimer()
            context.close(mode: mode, promise: promise)
        case .all where gate.phase == .closing && context.channel.isActive:
            // The timer or the peer will close it.
            context.channel.closeFuture.cascade(to: promise)
        case .all:
            context.close(mode: mode, promise: promise)
        }
    }

    // MARK: Ends

    private func refuse(_ problem: Problem) {
        guard let context else { return }
        let isMidRequest = gate.isMidRequest
        if gate.canRefuse {
            onRefusal(problem.status.code)
            edge?.write(problem)
        }
        if gate.phase != .closing { linger(context) }
        if isMidRequest { context.fireErrorCaught(RequestCutShort()) }
    }

    /// Closes our side and waits a moment for the peer's: closing at once while bytes are on their way would reset the
    /// connection, and with it the answer.
    private func linger(_ context: ChannelHandlerContext) {
        gate.close()
        context.flush()
        context.close(mode: .output, promise: nil)
        restartTimer()
    }

    // MARK: Deadlines

    private func restartTimer() {
        timer?.cancel()
        timer = nil
        guard let context, let delay = gate.deadline(limits) else { return }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.deadlinePassed() }
    }

    private func deadlinePassed() {
        switch gate.phase {
        case .readingHead, .readingBody:
            refuse(Problem(.requestTimeout, "request timeout", detail: "the request took too long to arrive"))
        case .handling:
            break
        case .idle, .answering, .closing:
            context?.close(promise: nil)
        }
    }
}
