import MQTTCodec
import NIOCore
import Testing

extension MQTTDecoder {
    /// A decoder past CONNECT, at either end.
    static func connected(
        _ version: MQTTVersion,
        role: MQTTRole = .server,
        maximumPacketSize: Int = 1 << 20
    ) throws -> MQTTDecoder {
        guard role == .server else {
            return MQTTDecoder(maximumPacketSize: maximumPacketSize, clientVersion: version)
        }
        var decoder = MQTTDecoder(maximumPacketSize: maximumPacketSize)
        var bytes = try MQTTPacket.connect(Connect(version: version, clientID: "c")).encoded(version)
        _ = try #require(try decoder.next(in: &bytes))
        return decoder
    }

    /// All packets that are whole.
    mutating func all(in buffer: inout ByteBuffer) throws(MQTTCodecError) -> [MQTTPacket] {
        var packets: [MQTTPacket] = []
        while let packet = try next(in: &buffer) { packets.append(packet) }
        return packets
    }
}

extension MQTTPacket {
    func encoded(_ version: MQTTVersion) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        try encode(into: &buffer, version: version)
        return buffer
    }
}
