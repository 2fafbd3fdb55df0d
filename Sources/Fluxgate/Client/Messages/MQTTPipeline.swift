internal import MQTTCodec
internal import NIOCore

/// Turns a connection's bytes into packets and back, and keeps it alive.
enum MQTTPipeline {
    /// Seconds after which a silent connection counts as dead, but for the half that servers add [MQTT-3.1.2-22].
    static let keepAlive: UInt16 = 60
    private static let maximumPacket = 16 * 1_048_576

    static func configure(_ channel: any NIOCore.Channel) throws -> NIOAsyncChannel<MQTTPacket, MQTTPacket> {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(ByteToMessageHandler(Reader(), maximumBufferSize: maximumPacket + 5))
        try pipeline.addHandler(MessageToByteHandler(Writer()))
        let pings = channel.eventLoop.scheduleRepeatedTask(
            initialDelay: .seconds(Int64(keepAlive) / 2),
            delay: .seconds(Int64(keepAlive) / 2)
        ) { _ in
            channel.writeAndFlush(MQTTPacket.pingreq, promise: nil)
        }
        channel.closeFuture.whenComplete { _ in pings.cancel() }
        return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
    }

    private struct Reader: ByteToMessageDecoder {
        typealias InboundOut = MQTTPacket

        private var decoder = MQTTDecoder(maximumPacketSize: MQTTPipeline.maximumPacket, clientVersion: .v5)

        mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
            guard let packet = try decoder.next(in: &buffer) else { return .needMoreData }
            context.fireChannelRead(wrapInboundOut(packet))
            return .continue
        }

        mutating func decodeLast(
            context: ChannelHandlerContext,
            buffer: inout ByteBuffer,
            seenEOF _: Bool
        ) throws -> DecodingState {
            try decode(context: context, buffer: &buffer)
        }
    }

    private struct Writer: MessageToByteEncoder {
        typealias OutboundIn = MQTTPacket

        func encode(data: MQTTPacket, out: inout ByteBuffer) throws {
            try data.encode(into: &out, version: .v5)
        }
    }
}
