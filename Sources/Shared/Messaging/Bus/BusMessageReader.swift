package import Model
package import NIOCore

/// Reads messages from the bus, and remembers the topics that they keep coming on. Not shared between threads.
package struct BusMessageReader {
    package enum Failure: Error, Equatable {
        /// No protobuf, or not all of it.
        case malformed
        /// Channel or publisher is no UUID.
        case badID
        case badTopic(TopicError)
    }

    /// Topics remembered; beyond that all are forgotten.
    private static let capacity = 1_024

    private struct Name: Hashable {
        let channel: ChannelID
        let subtopic: ExactText
        let contentType: ExactText
    }

    private var topics: [Name: Topic] = [:]

    package init() {}

    /// Reads one message, whose payload shares the buffer's memory. Fields that we don't know are skipped; of a field that
    /// comes twice the last counts, as protobuf has it.
    ///
    /// - Parameter trace: what came beside it.
    /// - Returns: the stamp too, if it has one.
    package mutating func read(
        _ buffer: ByteBuffer,
        trace: TraceContext? = nil
    ) throws(Failure) -> (message: Message, stamp: BusStamp?) {
        var fields = BusFields()
        var buffer = buffer
        while buffer.readableBytes > 0 { try fields.read(&buffer) }
        guard let channel = fields.channel, let publisher = fields.publisher else { throw .badID }
        let name = Name(
            channel: ChannelID(channel),
            subtopic: ExactText(fields.subtopic),
            contentType: ExactText(fields.contentType)
        )
        let message = Message(
            fromBus: try topic(name),
            payload: fields.payload,
            publisher: Thing.ID(publisher),
            created: fields.created,
            source: fields.source,
            qos: fields.qos,
            origin: fields.origin,
            retain: fields.retain,
            exchange: fields.exchange,
            properties: fields.properties,
            trace: trace
        )
        return (message, fields.stamp)
    }

    private mutating func topic(_ name: Name) throws(Failure) -> Topic {
        if let known = topics[name] { return known }
        let topic: Topic
        do throws(TopicError) {
            topic =
                MQTTTopics.isOfAny(name.channel)
                ? try Topic(anyName: name.subtopic.text, contentType: name.contentType.text)
                : try Topic(
                    channel: name.channel,
                    subtopic: try Subtopic(name.subtopic.text[...]),
                    contentType: name.contentType.text
                )
        } catch {
            throw .badTopic(error)
        }
        if topics.count >= Self.capacity { topics.removeAll(keepingCapacity: true) }
        topics[name] = topic
        return topic
    }
}

private struct BusFields {
    var channel: UniqueID?
    var subtopic = ""
    var publisher: UniqueID?
    /// Other adapters' messages, over protocols that we don't speak, count as HTTP.
    var source = SourceProtocol.http
    var contentType = ""
    var payload = ByteBuffer()
    var created: UInt64 = 0
    /// What doesn't say counts as 1, like HTTP.
    var qos: UInt8 = 1
    var origin: UInt64 = 0
    var retain = false
    var exchange: UInt64 = 0
    private var sender: UInt64 = 0
    private var number: UInt64 = 0
    private var isUTF8: Bool?
    private var expires: UInt64?
    private var responseTopic: String?
    private var correlationData: ByteBuffer?
    private var userProperties: [MessageProperties.UserProperty] = []

    var stamp: BusStamp? { sender == 0 || number == 0 ? nil : BusStamp(sender: sender, number: number) }

    var properties: MessageProperties? {
        MessageProperties(
            isUTF8: isUTF8,
            expires: expires,
            responseTopic: responseTopic,
            correlationData: correlationData,
            user: userProperties
        )
    }

    mutating func read(_ buffer: inout ByteBuffer) throws(BusMessageReader.Failure) {
        let key = try buffer.readVarint()
        let field = BusMessage.Field(rawValue: key >> 3)
        switch key & 7 {
        case 0:
            let number = try buffer.readVarint()
            switch field {
            case .created: created = number
            case .qos: qos = UInt8(clamping: min(number, 2))
            case .number: self.number = number
            case .payloadFormat: isUTF8 = number == 1
            case .expires: expires = number
            case .retain: retain = number == 1
            case .exchange: exchange = number
            default: break
            }
        case 1:
            var bytes = try buffer.readBytes(of: 8)
            if field == .sender { sender = bytes.readInteger(endianness: .little) ?? 0 }
            if field == .origin { origin = bytes.readInteger(endianness: .little) ?? 0 }
        case 2: try read(field, try buffer.readBytes(of: try buffer.readVarint()))
        case 5: _ = try buffer.readBytes(of: 4)
        default: throw .malformed
        }
    }

    private mutating func read(_ field: BusMessage.Field?, _ bytes: ByteBuffer) throws(BusMessageReader.Failure) {
        switch field {
        case .channel: channel = UniqueID(ascii: bytes.readableBytesView)
        case .publisher: publisher = UniqueID(ascii: bytes.readableBytesView)
        case .subtopic: subtopic = try text(bytes)
        case .contentType: contentType = try text(bytes)
        case .source: source = SourceProtocol(rawValue: try text(bytes)) ?? .http
        case .payload: payload = bytes
        case .responseTopic:
            // With wildcards it is none [MQTT-3.3.2-14].
            let topic = try mqttText(bytes)
            if !topic.isEmpty, !topic.utf8.contains(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }) {
                responseTopic = topic
            }
        case .correlationData:
            guard bytes.readableBytes <= Int(UInt16.max) else { throw .malformed }
            // A copy: the slice would hold on to the payload too.
            correlationData = ByteBuffer(bytes: bytes.readableBytesView)
        case .userProperties: userProperties.append(try userProperty(bytes))
        case .created, .qos, .sender, .number, .payloadFormat, .expires, .origin, .retain, .exchange, nil: break
        }
    }

    private func userProperty(
        _ pair: ByteBuffer
    ) throws(BusMessageReader.Failure) -> MessageProperties.UserProperty {
        var (pair, name, value) = (pair, "", "")
        while pair.readableBytes > 0 {
            let key = try pair.readVarint()
            guard key & 7 == 2 else { throw .malformed }
            let bytes = try pair.readBytes(of: try pair.readVarint())
            switch BusMessage.UserPropertyField(rawValue: key >> 3) {
            case .name: name = try mqttText(bytes)
            case .value: value = try mqttText(bytes)
            case nil: break
            }
        }
        return MessageProperties.UserProperty(name: name, value: value)
    }

    /// What MQTT clients can be told: a string without U+0000 and no longer than its packets have room for (MQTT 5, section 1.5.4).
    private func mqttText(_ bytes: ByteBuffer) throws(BusMessageReader.Failure) -> String {
        guard bytes.readableBytes <= Int(UInt16.max), !bytes.readableBytesView.contains(0) else { throw .malformed }
        return try text(bytes)
    }

    private func text(_ bytes: ByteBuffer) throws(BusMessageReader.Failure) -> String {
        guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else { throw .malformed }
        return text
    }
}

extension ByteBuffer {
    fileprivate mutating func readVarint() throws(BusMessageReader.Failure) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = readInteger(as: UInt8.self) else { throw .malformed }
            // The tenth byte has room for one bit.
            guard shift < 63 || byte <= 1 else { throw .malformed }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw .malformed
    }

    fileprivate mutating func readBytes(of count: UInt64) throws(BusMessageReader.Failure) -> ByteBuffer {
        guard let count = Int(exactly: count), let bytes = readSlice(length: count) else { throw .malformed }
        return bytes
    }
}
