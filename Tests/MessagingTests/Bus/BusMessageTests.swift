import Messaging
import Model
import NIOCore
import TestSupport
import Testing

@Suite struct BusMessageTests {
    private let channel = ChannelID(.random())
    private let publisher = Thing.ID(.random())

    @Test func aMessageComesBackAsItWent() throws {
        let message = try message("a/b", contentType: "application/senml+json", payload: "[]", qos: 2)
        var reader = BusMessageReader()
        let back = try reader.read(encoded(message)).message
        #expect(back.topic == message.topic)
        #expect(back.topic.typedName == message.topic.typedName)
        #expect(back.payload == message.payload)
        #expect(back.publisher == message.publisher)
        #expect(back.created == message.created)
        #expect(back.source == .ws)
        #expect(back.qos == 2)
        #expect(back.origin == 0)
    }

    @Test func whatAnMQTT5PublisherSaysComesBackToo() throws {
        let properties = try #require(
            MessageProperties(
                isUTF8: false,
                expires: 1_700_000_000_000_000_000,
                responseTopic: "answers/here",
                correlationData: ByteBuffer(bytes: [0, 255]),
                user: [.init(name: "a", value: "1"), .init(name: "", value: ""), .init(name: "a", value: "\u{E9}")]
            )
        )
        let message = try message("a", contentType: "", payload: "x", qos: 1, properties: properties)
        var reader = BusMessageReader()
        let back = try reader.read(encoded(message)).message
        #expect(back.properties == properties)
        #expect(String(buffer: back.payload) == "x")
        #expect(
            try reader.read(encoded(try self.message("a", contentType: "", payload: "x", qos: 1))).message.properties
                == nil
        )
    }

    @Test(arguments: ["", "a/#", "+"])
    func aResponseTopicThatIsNoneIsLeftOut(text: String) throws {
        var buffer = encoded(try message("a", contentType: "", payload: "x", qos: 1))
        write(13, text, to: &buffer)
        var reader = BusMessageReader()
        #expect(try reader.read(buffer).message.properties == nil)
    }

    /// A subscriber couldn't be told.
    @Test(arguments: [13, 15], ["a\u{0}b", String(repeating: "x", count: 65_536)])
    func propertiesThatNoPacketCanHoldAreRefused(field: Int, text: String) throws {
        var buffer = ByteBuffer()
        write(1, "\(channel)", to: &buffer)
        write(3, "\(publisher)", to: &buffer)
        if field == 15 {
            var pair = ByteBuffer()
            write(1, text, to: &pair)
            write(field, String(buffer: pair), to: &buffer)
        } else {
            write(field, text, to: &buffer)
        }
        var reader = BusMessageReader()
        #expect(throws: BusMessageReader.Failure.malformed) { try reader.read(buffer) }
    }

    @Test func emptyFieldsAndQoS0ComeBackToo() throws {
        let message = try message("", contentType: "", payload: "", qos: 0)
        var reader = BusMessageReader()
        let back = try reader.read(encoded(message)).message
        #expect(back.topic == message.topic)
        #expect(back.payload.readableBytes == 0)
        #expect(back.qos == 0)
    }

    /// What protoc's own encoder makes of the contract's six fields, in another order, with one that we don't know.
    @Test func aMessageOfAnotherSystemIsRead() throws {
        var buffer = ByteBuffer()
        write(6, "21.5", to: &buffer)
        write(99, "later", to: &buffer)
        write(4, "lora", to: &buffer)
        write(3, "\(publisher)", to: &buffer)
        write(1, "\(channel)".uppercased(), to: &buffer)
        write(2, "room.1", to: &buffer)
        var reader = BusMessageReader()
        let message = try reader.read(buffer).message
        #expect(message.topic.channel == channel)
        #expect(message.topic.subtopic == (try Subtopic("room/1")))
        #expect(message.publisher == publisher)
        #expect(String(buffer: message.payload) == "21.5")
        #expect(message.qos == 1)
    }

    @Test(arguments: [
        ("", BusMessageReader.Failure.badID), ("not a channel", .badID),
    ])
    func aMessageWithoutAChannelIsRefused(id: String, failure: BusMessageReader.Failure) throws {
        var buffer = ByteBuffer()
        write(1, id, to: &buffer)
        write(3, "\(publisher)", to: &buffer)
        var reader = BusMessageReader()
        #expect(throws: failure) { try reader.read(buffer) }
    }

    @Test(arguments: ["a b", "a.*", ">", "a\nb", String(repeating: "x", count: 2_000)])
    func aSubtopicThatNobodyCouldPublishToIsRefused(subtopic: String) throws {
        var buffer = ByteBuffer()
        write(1, "\(channel)", to: &buffer)
        write(2, subtopic, to: &buffer)
        write(3, "\(publisher)", to: &buffer)
        var reader = BusMessageReader()
        #expect(throws: BusMessageReader.Failure.self) { try reader.read(buffer) }
    }

    /// Cut, changed and made up, it is refused or read, and nothing else happens.
    @Test func noInputIsTooBad() throws {
        let whole = encoded(try message("a/b/c", contentType: "text/plain", payload: "payload", qos: 1))
        var reader = BusMessageReader()
        for length in 0..<whole.readableBytes {
            _ = try? reader.read(whole.getSlice(at: 0, length: length) ?? ByteBuffer())
        }
        var random = SeededGenerator(seed: 7)
        for position in 0..<whole.readableBytes {
            for bit in 0..<8 {
                var changed = whole
                let byte = whole.getInteger(at: position, as: UInt8.self) ?? 0
                changed.setInteger(byte ^ UInt8(1 << bit), at: position)
                _ = try? reader.read(changed)
            }
        }
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<64, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = try? reader.read(ByteBuffer(bytes: bytes))
        }
    }

    @Test func aLengthBeyondTheEndIsRefusedWithoutAllocating() throws {
        // Field 6, a length of 2^63 - 1.
        let bytes: [UInt8] = [0x32] + [UInt8](repeating: 0xFF, count: 8) + [0x7F]
        var reader = BusMessageReader()
        #expect(throws: BusMessageReader.Failure.malformed) { try reader.read(ByteBuffer(bytes: bytes)) }
    }

    // MARK: Subjects

    @Test func theSubjectNamesChannelAndSubtopic() throws {
        #expect(BusSubject.of(try Topic(channel: channel)) == "channel.\(channel)")
        #expect(BusSubject.of(try Topic(channel: channel, subtopic: try Subtopic("a/b"))) == "channel.\(channel).a.b")
    }

    @Test(arguments: [
        "", ".", "a.", ".a", "a..b", "a b", "a\tb", "a\r\nPUB x 0", "a.*", "a.>", "a\u{7F}", "a\u{0}b", "x*",
    ])
    func anUnsafeSubjectIsSeen(subject: String) {
        #expect(!BusSubject.isSafe(subject))
    }

    @Test(arguments: ["a", "a.b", "channel.x.ü", "events.things"])
    func aSafeSubjectIsSeen(subject: String) {
        #expect(BusSubject.isSafe(subject))
    }

    // MARK: Helpers

    private func message(
        _ subtopic: String,
        contentType: String,
        payload: String,
        qos: UInt8,
        properties: MessageProperties? = nil
    ) throws -> Message {
        let topic = try Topic(channel: channel, subtopic: try Subtopic(subtopic[...]), contentType: contentType)
        return try #require(makeMessage(on: topic, payload: payload, by: publisher, qos: qos, properties: properties))
    }

    private func encoded(_ message: Message) -> ByteBuffer {
        var buffer = ByteBuffer()
        BusMessage.append(message, prefix: BusMessage.prefix(of: message.topic), to: &buffer)
        return buffer
    }

    private func write(_ field: Int, _ text: String, to buffer: inout ByteBuffer) {
        writeVarint(field << 3 | 2, to: &buffer)
        writeVarint(text.utf8.count, to: &buffer)
        buffer.writeString(text)
    }

    private func writeVarint(_ value: Int, to buffer: inout ByteBuffer) {
        var rest = value
        while rest >= 0x80 {
            buffer.writeInteger(UInt8(rest & 0x7F | 0x80))
            rest >>= 7
        }
        buffer.writeInteger(UInt8(rest))
    }
}
