internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Stands before a server and, on demand, behaves as a network or a server that is ill.
package final class FaultyProxy: Sendable {
    package enum Mode: Sendable {
        case passing
        /// Everything is taken, nothing is passed on.
        case silent
        /// Of all answers together so many bytes are passed on, and then none.
        case answering(bytes: Int)
        /// Every connection is closed.
        case closed
    }

    private let mode = Mutex(Mode.passing)
    private let clients = Mutex<[any Channel]>([])
    private let listener = Mutex<(any Channel)?>(nil)

    package init() {}

    /// Listens on a free port.
    ///
    /// - Returns: that port.
    package func listen(before server: Int) async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in self.join(client, server) }
            .bind(host: "127.0.0.1", port: 0).get()
        listener.withLock { $0 = channel }
        return channel.localAddress?.port ?? 0
    }

    package func close() async throws {
        become(.closed)
        try await listener.withLock { $0 }?.close()
    }

    package func become(_ mode: Mode) {
        self.mode.withLock { $0 = mode }
        guard case .closed = mode else { return }
        for client in clients.withLock({ $0 }) { client.close(promise: nil) }
    }

    private func join(_ client: any Channel, _ server: Int) -> EventLoopFuture<Void> {
        if case .closed = mode.withLock({ $0 }) { return client.close() }
        clients.withLock { $0.append(client) }
        return ClientBootstrap(group: client.eventLoop)
            .channelOption(.autoRead, value: false)
            .connect(host: "127.0.0.1", port: server)
            .flatMapThrowing { server in
                try client.pipeline.syncOperations.addHandler(
                    Pipe(to: server) {
                        self.fromClient($0)
                    } isOpen: {
                        true
                    }
                )
                try server.pipeline.syncOperations.addHandler(
                    Pipe(to: client) {
                        self.fromServer($0)
                    } isOpen: {
                        self.isPassing
                    }
                )
                for channel in [client, server] { try channel.syncOptions?.setOption(.autoRead, value: true) }
            }
    }

    /// Who says nothing doesn't say either that the server has closed.
    private var isPassing: Bool { if case .passing = mode.withLock({ $0 }) { true } else { false } }

    private func fromClient(_ bytes: ByteBuffer) -> ByteBuffer? {
        if case .silent = mode.withLock({ $0 }) { nil } else { bytes }
    }

    private func fromServer(_ bytes: ByteBuffer) -> ByteBuffer? {
        mode.withLock { mode in
            switch mode {
            case .passing: return bytes
            case .silent, .closed: return nil
            case .answering(let left):
                let passed = min(left, bytes.readableBytes)
                mode = .answering(bytes: left - passed)
                return bytes.getSlice(at: bytes.readerIndex, length: passed)
            }
        }
    }
}

private final class Pipe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let target: any Channel
    private let filter: @Sendable (ByteBuffer) -> ByteBuffer?
    private let isOpen: @Sendable () -> Bool

    /// - Parameters:
    ///   - filter: what is passed on of what has arrived.
    ///   - isOpen: whether the end is passed on.
    init(
        to target: any Channel,
        _ filter: @escaping @Sendable (ByteBuffer) -> ByteBuffer?,
        isOpen: @escaping @Sendable () -> Bool
    ) {
        self.target = target
        self.filter = filter
        self.isOpen = isOpen
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if let bytes = filter(unwrapInboundIn(data)) { target.writeAndFlush(bytes, promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if isOpen() { target.close(promise: nil) }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
