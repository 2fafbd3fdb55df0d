import NIOCore

/// The one to five bytes that start every packet.
struct FixedHeader {
    let type: MQTTPacketType
    let flags: UInt8
    /// Bytes of the header itself.
    let length: Int
    /// Bytes behind the header.
    let remainingLength: Int

    /// Bytes of the whole packet.
    var packetSize: Int { length + remainingLength }

    /// Whether the remaining length takes no more bytes than it needs, as MQTT 5 demands [MQTT-1.5.5-1].
    var isMinimal: Bool { length == 1 + VariableByteInteger.length(of: remainingLength) }
}
