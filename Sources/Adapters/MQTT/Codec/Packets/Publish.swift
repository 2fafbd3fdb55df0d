package import NIOCore

/// PUBLISH (section 3.3): a message, in either direction.
///
/// Decoding copies nothing: topic, payload and correlation data share the storage of the buffer that was read from.
/// Whoever keeps one of them for long keeps that storage alive, and should copy.
package struct Publish: Equatable, Sendable {
    /// The topic name as sent: its length is checked, its characters are not.
    ///
    /// The reader looks the bytes up in what it already knows and asks `validatedTopic()` on a miss.
    package var topic: ByteBuffer
    package var payload: ByteBuffer
    package var qos: MQTTQoS
    /// The message was perhaps sent before.
    package var dup: Bool
    package var retain: Bool
    /// 0 for QoS 0, which has none.
    package var packetID: UInt16
    package var properties: MQTTProperties

    package init(
        topic: ByteBuffer,
        payload: ByteBuffer,
        qos: MQTTQoS = .atMostOnce,
        dup: Bool = false,
        retain: Bool = false,
        packetID: UInt16 = 0,
        properties: MQTTProperties = []
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.dup = dup
        self.retain = retain
        self.packetID = packetID
        self.properties = properties
    }
}

extension Publish {
    /// The topic as a string: well-formed UTF-8 without U+0000, not empty, without wildcards
    /// [MQTT-3.3.2-1], [MQTT-3.3.2-2], [MQTT-4.7.3-1].
    package func validatedTopic() throws(MQTTCodecError) -> String { try Self.validatedTopic(topic) }

    /// The same for topic bytes that stand alone.
    package static func validatedTopic(_ bytes: ByteBuffer) throws(MQTTCodecError) -> String {
        guard bytes.readableBytes > 0 else { throw .emptyTopicName }
        guard !bytes.readableBytesView.contains(where: isWildcard) else { throw .wildcardInTopicName }
        return try bytes.validatedMQTTString()
    }

    static func isWildcard(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "#") || byte == UInt8(ascii: "+") }
}

extension Publish {
    private static let retainFlag: UInt8 = 0b0001
    private static let dupFlag: UInt8 = 0b1000

    /// Reads the body, all of it: what is left behind the properties is the payload.
    init(from body: inout ByteBuffer, flags: UInt8, version: MQTTVersion, role: MQTTRole) throws(MQTTCodecError) {
        guard let qos = MQTTQoS(rawValue: flags >> 1 & 0b11) else { throw .invalidQoS }
        self.qos = qos
        dup = flags & Self.dupFlag != 0
        retain = flags & Self.retainFlag != 0
        guard !dup || qos != .atMostOnce else { throw .duplicateWithQoS0 }
        topic = try body.readBinarySlice()
        packetID = qos == .atMostOnce ? 0 : try body.readPacketID()
        properties = version == .v5 ? try MQTTProperties(from: &body, in: .publish) : []
        guard topic.readableBytes > 0 || properties.topicAlias != nil else { throw .emptyTopicName }
        guard role == .client || properties.isEmpty || properties.subscriptionIdentifier == nil else {
            throw .subscriptionIdentifierFromClient
        }
        payload = body
        body.moveReaderIndex(to: body.writerIndex)
    }

    static func firstByte(qos: MQTTQoS, dup: Bool, retain: Bool) -> UInt8 {
        MQTTPacketType.publish.rawValue << 4 | (dup ? dupFlag : 0) | qos.rawValue << 1 | (retain ? retainFlag : 0)
    }

    /// Bytes of the whole packet.
    package static func encodedLength(
        topicLength: Int,
        payloadLength: Int,
        qos: MQTTQoS,
        version: MQTTVersion,
        properties: MQTTProperties = []
    ) -> Int {
        let body = bodyLength(topicLength, payloadLength, qos, version, properties)
        return 1 + VariableByteInteger.length(of: body) + body
    }

    /// Writes a whole PUBLISH without building one: the length is computed first, nothing is allocated but room in `buffer`, and a
    /// packet without properties is written at once.
    ///
    /// `packetID` is written for QoS 1 and 2 only; `properties` in MQTT 5 only. On an error nothing was written.
    package static func encode(
        topic: ByteBuffer,
        payload: ByteBuffer,
        qos: MQTTQoS,
        dup: Bool = false,
        retain: Bool = false,
        packetID: UInt16 = 0,
        version: MQTTVersion,
        properties: MQTTProperties = [],
        into buffer: inout ByteBuffer
    ) throws(MQTTCodecError) {
        let length = bodyLength(topic.readableBytes, payload.readableBytes, qos, version, properties)
        guard let topicLength = UInt16(exactly: topic.readableBytes), length <= VariableByteInteger.maximum else {
            throw .fieldTooLong
        }
        let start = buffer.writerIndex
        let isPlain = version != .v5 || properties.isEmpty
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 5 + length) { room in
            var writer = PacketWriter(room)
            writer.write(firstByte(qos: qos, dup: dup, retain: retain))
            writer.write(variable: length)
            writer.write(topicLength)
            writer.write(topic)
            if qos != .atMostOnce { writer.write(packetID) }
            if isPlain {
                if version == .v5 { writer.write(0 as UInt8) }
                writer.write(payload)
            }
            return writer.count
        }
        guard !isPlain else { return }
        do throws(MQTTCodecError) {
            try properties.write(into: &buffer)
        } catch {
            buffer.moveWriterIndex(to: start)
            throw error
        }
        buffer.writeImmutableBuffer(payload)
    }

    private static func bodyLength(
        _ topicLength: Int,
        _ payloadLength: Int,
        _ qos: MQTTQoS,
        _ version: MQTTVersion,
        _ properties: MQTTProperties
    ) -> Int {
        2 + topicLength + (qos == .atMostOnce ? 0 : 2) + (version == .v5 ? properties.encodedLength : 0) + payloadLength
    }
}
