import FluxgateClient
import MQTTCodec
import NIOCore

/// A small MQTT 5 server that answers each packet with what a function says.
@discardableResult
func withMQTTStub<Value>(
    answer: @escaping @Sendable (MQTTPacket) -> [MQTTPacket],
    _ body: (ServiceAddress) async throws -> Value
) async throws -> Value {
    try await withListener(scheme: "mqtt") { channel in
        try channel.pipeline.syncOperations.addHandler(MQTTStubHandler(answer))
    } _: {
        try await body($0)
    }
}

private final class MQTTStubHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: @Sendable (MQTTPacket) -> [MQTTPacket]
    private var decoder = MQTTDecoder(maximumPacketSize: 1_048_576)
    private var bytes = ByteBuffer()

    init(_ answer: @escaping @Sendable (MQTTPacket) -> [MQTTPacket]) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        bytes.writeBuffer(&part)
        do {
            while let packet = try decoder.next(in: &bytes) {
                var out = ByteBuffer()
                for packet in answer(packet) { try packet.encode(into: &out, version: .v5) }
                context.writeAndFlush(wrapOutboundOut(out), promise: nil)
            }
        } catch {
            context.close(promise: nil)
        }
    }
}
