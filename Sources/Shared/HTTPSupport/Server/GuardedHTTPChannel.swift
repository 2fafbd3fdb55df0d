internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import TLSSupport

/// Hummingbird's HTTP/1 connection with our ``RequestGuard`` in its pipeline.
struct GuardedHTTPChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    private let base: HTTP1Channel
    private let tls: TLSListener?
    private let limits: HTTPLimits
    private let onRefusal: @Sendable (Int) -> Void

    init(
        responder: @escaping HTTPChannelHandler.Responder,
        tls: TLSListener?,
        limits: HTTPLimits,
        onRefusal: @escaping @Sendable (Int) -> Void
    ) {
        let decoder = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: limits.headerFieldSize,
            maxHeaderListSize: limits.headerListSize,
            maxHeaderFieldCount: limits.headerFieldCount
        )
        self.base = HTTP1Channel(responder: responder, configuration: .init(httpDecoderConfiguration: decoder))
        self.tls = tls
        self.limits = limits
        self.onRefusal = onRefusal
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let requestGuard = RequestGuard(limits: limits, onRefusal: onRefusal)
            try pipeline.addHandler(HTTPServerPipelineHandler(), position: .after(decoder))
            let pipelining = try pipeline.handler(type: HTTPServerPipelineHandler.self)
            try pipeline.addHandler(requestGuard, position: .after(pipelining))
            let edge = ConnectionEdge(requestGuard)
            requestGuard.edge = edge
            try pipeline.addHandler(edge, position: .first)
            try tls?.install(on: channel) { _ in }
            return value
        }
    }

    /// On the connection's event loop: each hop to another thread and back costs more than most requests do.
    func handle(value: Value, logger: Logger) async {
        await withTaskExecutorPreference(EventLoopExecutor(value.channel.eventLoop)) {
            await base.handle(value: value, logger: logger)
        }
    }
}
