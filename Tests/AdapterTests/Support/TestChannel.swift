import NIOCore
import NIOEmbedded

/// One connection without a socket, and what its peer sees of it.
final class TestChannel {
    let channel: EmbeddedChannel
    private let test: TestLoop
    private let wire = Wire()

    init(_ test: TestLoop) throws {
        self.test = test
        channel = EmbeddedChannel(loop: test.eventLoop)
        try channel.pipeline.syncOperations.addHandler(wire)
        channel.pipeline.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    }

    /// Whether the server has sent its FIN.
    var isEnded: Bool { wire.isOutputClosed || !channel.isActive }
    /// Whether the connection is gone.
    var isGone: Bool { !channel.isActive }
    /// Whether the server would read more.
    var isReading: Bool { wire.isReading }

    /// The peer sends bytes, in one read.
    func receive(_ bytes: ByteBuffer) throws {
        wire.isReading = false
        channel.pipeline.fireChannelRead(bytes)
        channel.pipeline.fireChannelReadComplete()
        channel.pipeline.read()
        test.run()
    }

    /// The peer sends bytes one by one.
    func receiveEach(_ bytes: ByteBuffer) throws {
        for byte in bytes.readableBytesView { try receive(ByteBuffer(bytes: [byte])) }
    }

    /// What the server has sent since the last call.
    func sent() throws -> ByteBuffer {
        test.run()
        var all = ByteBuffer()
        while let part = try channel.readOutbound(as: ByteBuffer.self) { all.writeImmutableBuffer(part) }
        return all
    }

    /// The peer takes nothing, or again what comes.
    func setWritable(_ isWritable: Bool) {
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
        test.run()
    }

    /// The peer sends its FIN, and may still read.
    func halfClose() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        test.run()
    }

    /// The peer goes.
    func lose() {
        channel.close(promise: nil)
        test.run()
    }
}

/// The place of the socket: it knows of half-closed connections, which an embedded channel doesn't.
private final class Wire: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    var isOutputClosed = false
    var isReading = true

    func read(context: ChannelHandlerContext) {
        isReading = true
        context.read()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        isOutputClosed = true
        if mode == .output { promise?.succeed(()) } else { context.close(mode: mode, promise: promise) }
    }
}
