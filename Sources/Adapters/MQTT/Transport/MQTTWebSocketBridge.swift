internal import AdapterTransport
internal import AdaptersCore
internal import Messaging
internal import NIOCore
internal import NIOWebSocket

/// MQTT over WebSocket (section 6): the stream of packets travels in binary frames, cut anywhere [MQTT-6.0.0-2].
final class MQTTWebSocketBridge: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var assembler: WebSocketAssembler
    private let peer: ConnectionPeer
    private var hasSentClose = false

    init(maximumSize: Int, peer: ConnectionPeer) {
        self.peer = peer
        self.assembler = WebSocketAssembler(maximumSize: maximumSize)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch assembler.received(unwrapInboundIn(data)) {
        case .none: break
        case .binary(let bytes): context.fireChannelRead(wrapInboundOut(bytes))
        // [MQTT-6.0.0-1]
        case .text: fail(context, .unacceptableData)
        // A peer that takes nothing gets no answers either (RFC 6455 section 5.5.3 asks for the last one only).
        case .pong(let data) where context.channel.isWritable:
            write(context) { WebSocketFrames.append(.pong, data, to: &$0) }
        case .pong: break
        case .goodbye(let code):
            sendClose(context, code)
            context.close(promise: nil)
        case .fail(let code): fail(context, code)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is NIOWebSocketError else { return context.fireErrorCaught(error) }
        fail(context, error as? NIOWebSocketError == .invalidFrameLength ? .messageTooLarge : .protocolError)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var frame = ByteBuffer()
        WebSocketFrames.append(.binary, unwrapOutboundIn(data), to: &frame)
        context.write(wrapOutboundOut(frame), promise: promise)
    }

    /// The session's FIN is preceded by a Close frame.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        sendClose(context, .normalClosure)
        context.close(mode: mode, promise: promise)
    }

    private func fail(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode) {
        peer.refused(code == .messageTooLarge ? .tooLarge : .protocolError, .mqtt)
        sendClose(context, code)
        context.close(promise: nil)
    }

    private func sendClose(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode?) {
        guard !hasSentClose else { return }
        hasSentClose = true
        write(context) { WebSocketFrames.appendClose(code, to: &$0) }
    }

    private func write(_ context: ChannelHandlerContext, _ frame: (inout ByteBuffer) -> Void) {
        var bytes = ByteBuffer()
        frame(&bytes)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }
}
