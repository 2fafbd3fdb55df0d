internal import NIOCore

/// Stands in front of TLS until the handshake is over: a connection that fails in it is closed on our side first, and for
/// the client's a moment is waited. Closing at once, while bytes of the client are on their way, would send a reset, which
/// overtakes the alert that says why.
final class HandshakeLinger: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private static let patience = TimeAmount.milliseconds(500)
    private var isLingering = false
    private var timer: Scheduled<Void>?

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isLingering { context.fireChannelRead(data) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isLingering, case ChannelEvent.inputClosed = event { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .all = mode, !isLingering, context.channel.isActive else {
            return context.close(mode: mode, promise: promise)
        }
        isLingering = true
        context.close(mode: .output, promise: nil)
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { context.close(promise: nil) }
        context.channel.closeFuture.cascade(to: promise)
    }
}
