internal import Model
package import NIOCore

/// The message as it travels on the bus: protobuf `mainflux.Message`, contract section 5.2, with some fields more.
///
/// | no. | field | type |
/// |---|---|---|
/// | 1 | channel | string, UUID |
/// | 2 | subtopic | string, levels joined with dots |
/// | 3 | publisher | string, UUID |
/// | 4 | protocol | string |
/// | 5 | contentType | string |
/// | 6 | payload | bytes |
/// | 7 | created | uint64, nanoseconds since 1970 |
/// | 8 | qos | uint32, 0 to 2; HTTP and WebSockets count as 1 |
/// | 9 | sender | fixed64, ``BusStamp/sender``; on a bus that stores |
/// | 10 | number | uint64, ``BusStamp/number``; likewise |
/// | 11 | payloadFormat | uint32, of MQTT 5: 1 if the payload is UTF-8, 0 if it is bytes |
/// | 12 | expires | uint64, nanoseconds since 1970 from which on it isn't delivered |
/// | 13 | responseTopic | string |
/// | 14 | correlationData | bytes |
/// | 15 | userProperties | repeated message: 1 name, 2 value, both strings |
/// | 16 | origin | fixed64, ``Message/origin``, if it is a session that outlives its connections |
/// | 17 | retain | uint32, 1 if its publisher wanted it kept for later subscribers |
/// | 18 | exchange | uint64, ``Message/exchange``, if it has one |
package enum BusMessage {
    enum Field: UInt64 {
        case channel = 1, subtopic, publisher, source, contentType, payload, created, qos, sender, number
        case payloadFormat, expires, responseTopic, correlationData, userProperties, origin, retain, exchange
    }

    enum UserPropertyField: UInt64 {
        case name = 1, value
    }

    /// The fields that all messages of a topic share.
    package static func prefix(of topic: Topic) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeField(.channel, "\(topic.channel)")
        if !topic.subtopic.levels.isEmpty { buffer.writeField(.subtopic, topic.subtopic.dotted.text) }
        if topic.contentType != "" { buffer.writeField(.contentType, topic.contentType.text) }
        return buffer
    }

    /// Appends the message; `prefix` is its topic's.
    package static func append(
        _ message: Message,
        prefix: ByteBuffer,
        stamp: BusStamp? = nil,
        to buffer: inout ByteBuffer
    ) {
        buffer.writeImmutableBuffer(prefix)
        buffer.writeField(.publisher, "\(message.publisher)")
        buffer.writeField(.source, message.source.rawValue)
        buffer.writeField(.created, number: message.created)
        // Also 0, since who leaves it out means 1.
        buffer.writeField(.qos, number: UInt64(message.qos))
        if let stamp {
            buffer.writeKey(.sender, wire: 1)
            buffer.writeInteger(stamp.sender, endianness: .little)
            buffer.writeField(.number, number: stamp.number)
        }
        if message.origin >= Message.firstKeptOrigin {
            buffer.writeKey(.origin, wire: 1)
            buffer.writeInteger(message.origin, endianness: .little)
        }
        if message.retain { buffer.writeField(.retain, number: 1) }
        if message.exchange > 0 { buffer.writeField(.exchange, number: message.exchange) }
        if let properties = message.properties { append(properties, to: &buffer) }
        if message.payload.readableBytes > 0 { buffer.writeField(.payload, message.payload) }
    }

    private static func append(_ properties: MessageProperties, to buffer: inout ByteBuffer) {
        if let isUTF8 = properties.isUTF8 { buffer.writeField(.payloadFormat, number: isUTF8 ? 1 : 0) }
        if let expires = properties.expires { buffer.writeField(.expires, number: expires) }
        if let topic = properties.responseTopic { buffer.writeField(.responseTopic, topic) }
        if let data = properties.correlationData { buffer.writeField(.correlationData, data) }
        for property in properties.user {
            var pair = ByteBuffer()
            pair.writeText(UserPropertyField.name.rawValue, property.name)
            pair.writeText(UserPropertyField.value.rawValue, property.value)
            buffer.writeField(.userProperties, pair)
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeKey(_ field: BusMessage.Field, wire: UInt64) {
        writeVarint(field.rawValue << 3 | wire)
    }

    fileprivate mutating func writeField(_ field: BusMessage.Field, _ text: String) {
        writeText(field.rawValue, text)
    }

    fileprivate mutating func writeText(_ number: UInt64, _ text: String) {
        writeVarint(number << 3 | 2)
        writeVarint(UInt64(text.utf8.count))
        writeString(text)
    }

    fileprivate mutating func writeField(_ field: BusMessage.Field, _ bytes: ByteBuffer) {
        writeKey(field, wire: 2)
        writeVarint(UInt64(bytes.readableBytes))
        writeImmutableBuffer(bytes)
    }

    fileprivate mutating func writeField(_ field: BusMessage.Field, number: UInt64) {
        writeKey(field, wire: 0)
        writeVarint(number)
    }

    /// Protocol Buffers, encoding, "Base 128 Varints".
    fileprivate mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(truncatingIfNeeded: rest))
    }
}
