import FluxgateClient
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// A small WebSocket server: it sends some frames at once, and answers each frame with what a function says.
@discardableResult
func withWebSocketStub<Value>(
    greeting: [WebSocketFrame] = [],
    heads: Recorder<HTTPRequestHead> = Recorder(),
    answer: @escaping @Sendable (WebSocketFrame) -> [WebSocketFrame],
    _ body: (ServiceAddress) async throws -> Value
) async throws -> Value {
    try await withListener(scheme: "ws") { channel in
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, head in
                heads.record(head)
                return channel.eventLoop.makeSucceededFuture([:])
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(WebSocketStubHandler(greeting, answer))
                }
            }
        )
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in })
        )
    } _: {
        try await body($0)
    }
}

private final class WebSocketStubHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let greeting: [WebSocketFrame]
    private let answer: @Sendable (WebSocketFrame) -> [WebSocketFrame]

    init(_ greeting: [WebSocketFrame], _ answer: @escaping @Sendable (WebSocketFrame) -> [WebSocketFrame]) {
        self.greeting = greeting
        self.answer = answer
    }

    func handlerAdded(context: ChannelHandlerContext) {
        for frame in greeting { context.write(wrapOutboundOut(frame), promise: nil) }
        context.flush()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        for frame in answer(unwrapInboundIn(data)) { context.write(wrapOutboundOut(frame), promise: nil) }
        context.flush()
    }
}

extension WebSocketFrame {
    static func text(_ text: String, fin: Bool = true) -> Self {
        WebSocketFrame(fin: fin, opcode: .text, data: ByteBuffer(string: text))
    }

    static func close(_ code: UInt16, _ reason: String = "") -> Self {
        var data = ByteBuffer(integer: code)
        data.writeString(reason)
        return WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
    }
}
