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
package enum BusMessage {
    enum Field: UInt64 {
        case channel = 1, subtopic, publisher, source, contentType, payload, created, qos, sender, number
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
        if message.payload.readableBytes > 0 {
            buffer.writeKey(.payload, wire: 2)
            buffer.writeVarint(UInt64(message.payload.readableBytes))
            buffer.writeImmutableBuffer(message.payload)
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeKey(_ field: BusMessage.Field, wire: UInt64) {
        writeVarint(field.rawValue << 3 | wire)
    }

    fileprivate mutating func writeField(_ field: BusMessage.Field, _ text: String) {
        writeKey(field, wire: 2)
        writeVarint(UInt64(text.utf8.count))
        writeString(text)
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
