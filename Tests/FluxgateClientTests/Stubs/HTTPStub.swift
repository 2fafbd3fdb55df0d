import FluxgateClient
import NIOCore
import NIOHTTP1

/// A request as the stub saw it.
struct StubRequest: Sendable {
    let head: HTTPRequestHead
    let body: ByteBuffer
}

/// A small HTTP server that answers what a function says.
@discardableResult
func withHTTPStub<Value>(
    answer: @escaping @Sendable (StubRequest) -> (HTTPResponseStatus, String),
    _ body: (ServiceAddress) async throws -> Value
) async throws -> Value {
    try await withListener(scheme: "http") { channel in
        try channel.pipeline.syncOperations.configureHTTPServerPipeline()
        try channel.pipeline.syncOperations.addHandler(HTTPStubHandler(answer))
    } _: {
        try await body($0)
    }
}

private final class HTTPStubHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let answer: @Sendable (StubRequest) -> (HTTPResponseStatus, String)
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(_ answer: @escaping @Sendable (StubRequest) -> (HTTPResponseStatus, String)) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(var part): body.writeBuffer(&part)
        case .end:
            guard let head else { return }
            let (status, text) = answer(StubRequest(head: head, body: body))
            let headers = HTTPHeaders([("Content-Length", "\(text.utf8.count)")])
            let response = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
            context.write(wrapOutboundOut(.head(response)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
