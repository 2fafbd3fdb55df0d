internal import HTTPTypes
internal import NIOCore

/// The outermost handler of a connection, where it is bytes.
///
/// It tells the guard that bytes have come in, so that a head that never ends is told from a quiet connection, and
/// writes the guard's refusals, which may come when the handlers between them expect no answer.
final class ConnectionEdge: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let requestGuard: RequestGuard
    private var context: ChannelHandlerContext?

    init(_ requestGuard: RequestGuard) {
        self.requestGuard = requestGuard
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        requestGuard.bytesArrived()
        context.fireChannelRead(data)
    }

    /// Writes the last answer of this connection.
    func write(_ problem: Problem) {
        guard let context else { return }
        let body = problem.body
        let head =
            "HTTP/1.1 \(problem.status.code) \(problem.status.reasonPhrase)\r\n"
            + "content-type: application/json\r\ncontent-length: \(body.count)\r\nconnection: close\r\n\r\n"
        var answer = context.channel.allocator.buffer(string: head)
        answer.writeBytes(body)
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    }
}
