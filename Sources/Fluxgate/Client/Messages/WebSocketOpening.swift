internal import Model
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOWebSocket

/// The opening handshake of a WebSocket, from the client's side.
struct WebSocketOpening {
    typealias Refused = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// What became of it; the channel has to be executed in either case.
    enum Result: Sendable {
        case open(NIOAsyncChannel<WebSocketFrame, WebSocketFrame>)
        case refused(Refused)
    }

    private struct Attempt: Sendable {
        let channel: any NIOCore.Channel
        let result: EventLoopFuture<Result>
    }

    private let address: ServiceAddress
    private let tls: ClientTLS
    private let head: HTTPRequestHead

    init(_ target: MessageTarget, path: String, contentType: String) {
        address = target.address
        tls = target.tls
        var headers = HTTPHeaders([("Host", address.authority)])
        if let key = target.key { headers.add(name: "Authorization", value: key.secret.revealed) }
        if !contentType.isEmpty { headers.add(name: "Content-Type", value: contentType) }
        head = HTTPRequestHead(version: .http1_1, method: .GET, uri: address.path + path, headers: headers)
    }

    func open() async throws -> Result {
        let (head, address) = (head, address)
        let context = try tls.makeContext(for: address)
        let attempt = try await ClientBootstrap.forMessages.connect(host: address.host, port: address.port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.secure(with: context, to: address)
                return try Self.attempt(head, on: channel)
            }
        }
        return try await withTaskCancellationHandler {
            try await attempt.result.get()
        } onCancel: {
            attempt.channel.close(promise: nil)
        }
    }

    /// What the server said instead of 101.
    static func refusal(_ channel: Refused, _ action: String) async throws -> ClientFailure {
        try await channel.executeThenClose { parts, _ in
            var status = 0
            var body = ByteBuffer()
            reading: for try await part in parts {
                switch part {
                case .head(let head): status = Int(head.status.code)
                case .body(var bytes):
                    guard body.readableBytes + bytes.readableBytes <= 65_536 else { break reading }
                    body.writeBuffer(&bytes)
                case .end: break reading
                }
            }
            guard !(200...299).contains(status), status != 0 else {
                return ClientFailure(.protocolError, "\(action): the other side doesn't speak WebSocket.")
            }
            return ClientFailure(action, httpStatus: status, detail: Refusal.detail(of: body))
        }
    }

    private static func attempt(_ head: HTTPRequestHead, on channel: any NIOCore.Channel) throws -> Attempt {
        let upgrader = NIOTypedWebSocketClientUpgrader<Result>(maxFrameSize: WebSocketClient.maximumMessage) {
            channel,
            _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0,
                        maxAccumulatedFrameCount: 4_096,
                        maxAccumulatedFrameSize: WebSocketClient.maximumMessage
                    )
                )
                return .open(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
            }
        }
        let upgrade = NIOTypedHTTPClientUpgradeConfiguration<Result>(
            upgradeRequestHead: head,
            upgraders: [upgrader]
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                .refused(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
            }
        }
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: upgrade)
        // The first frames may come together with the 101.
        configuration.leftOverBytesStrategy = .forwardBytes
        let result = try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: configuration
        )
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
        result.whenComplete { _ in deadline.cancel() }
        return Attempt(channel: channel, result: result)
    }
}

extension ClientBootstrap {
    /// A connection that may be idle for long.
    static var forMessages: ClientBootstrap {
        ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(5))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    }
}
