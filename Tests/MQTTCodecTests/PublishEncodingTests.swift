import MQTTCodec
import NIOCore
import Testing

@Suite struct PublishEncodingTests {
    private let topic = ByteBuffer(string: "a/b")
    private let payload = ByteBuffer(bytes: [1, 2])

    private func bytes(
        qos: MQTTQoS = .atMostOnce,
        dup: Bool = false,
        retain: Bool = false,
        packetID: UInt16 = 0,
        version: MQTTVersion = .v3_1_1,
        properties: MQTTProperties = []
    ) throws -> [UInt8] {
        var buffer = ByteBuffer()
        try Publish.encode(
            topic: topic,
            payload: payload,
            qos: qos,
            dup: dup,
            retain: retain,
            packetID: packetID,
            version: version,
            properties: properties,
            into: &buffer
        )
        return Array(buffer.readableBytesView)
    }

    @Test func qos0HasNoPacketIdentifier() throws {
        #expect(try bytes(packetID: 9) == [0x30, 7, 0, 3, 0x61, 0x2F, 0x62, 1, 2])
    }

    @Test func qos1And2CarryTheirPacketIdentifierAndFlags() throws {
        #expect(try bytes(qos: .atLeastOnce, packetID: 0x0102) == [0x32, 9, 0, 3, 0x61, 0x2F, 0x62, 1, 2, 1, 2])
        #expect(
            try bytes(qos: .exactlyOnce, dup: true, retain: true, packetID: 5)
                == [0x3D, 9, 0, 3, 0x61, 0x2F, 0x62, 0, 5, 1, 2]
        )
    }

    @Test func mqtt5WithoutPropertiesHasAZeroPropertyLength() throws {
        #expect(try bytes(version: .v5) == [0x30, 8, 0, 3, 0x61, 0x2F, 0x62, 0, 1, 2])
    }

    @Test func mqtt5PropertiesStandBeforeThePayload() throws {
        #expect(
            try bytes(version: .v5, properties: [.payloadFormatIndicator(true)])
                == [0x30, 10, 0, 3, 0x61, 0x2F, 0x62, 2, 1, 1, 1, 2]
        )
    }

    @Test func earlierVersionsLeavePropertiesOut() throws {
        #expect(try bytes(properties: [.payloadFormatIndicator(true)]) == bytes())
    }

    @Test func theLengthSaidAheadIsTheLengthWritten() throws {
        let properties: MQTTProperties = [.contentType("text/plain"), .userProperty(name: "a", value: "b")]
        for version in MQTTVersion.allCases {
            for qos in MQTTQoS.allCases {
                let length = Publish.encodedLength(
                    topicLength: 3,
                    payloadLength: 2,
                    qos: qos,
                    version: version,
                    properties: properties
                )
                #expect(try bytes(qos: qos, packetID: 1, version: version, properties: properties).count == length)
            }
        }
    }

    @Test func whatCannotBeWrittenLeavesTheBufferAsItWas() {
        var buffer = ByteBuffer(string: "before")
        let long = ByteBuffer(repeating: 0x61, count: 65_536)

        #expect(throws: MQTTCodecError.fieldTooLong) {
            try Publish.encode(topic: long, payload: payload, qos: .atMostOnce, version: .v5, into: &buffer)
        }
        #expect(throws: MQTTCodecError.fieldTooLong) {
            try Publish.encode(
                topic: topic,
                payload: payload,
                qos: .atMostOnce,
                version: .v5,
                properties: [.contentType(String(repeating: "x", count: 65_536))],
                into: &buffer
            )
        }
        #expect(throws: MQTTCodecError.fieldTooLong) {
            let packet = MQTTPacket.unsubscribe(
                Unsubscribe(packetID: 1, filters: ["a", String(repeating: "x", count: 65_536)])
            )
            try packet.encode(into: &buffer, version: .v3_1_1)
        }
        #expect(buffer == ByteBuffer(string: "before"))
    }

    @Test(arguments: [
        ("", MQTTCodecError.emptyTopicName), ("a/+", .wildcardInTopicName), ("#", .wildcardInTopicName),
        ("a\0b", .nullCharacter),
    ])
    func anInvalidTopicNameIsNamed(_ topic: String, _ error: MQTTCodecError) {
        #expect(throws: error) { try Publish.validatedTopic(ByteBuffer(string: topic)) }
    }

    @Test(
        arguments: [[0xC3, 0x28], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC0, 0x80], [0x61, 0xFF]] as [[UInt8]]
    )
    func aTopicThatIsNoUTF8IsRefused(_ bytes: [UInt8]) {
        #expect(throws: MQTTCodecError.malformedString) { try Publish.validatedTopic(ByteBuffer(bytes: bytes)) }
    }

    @Test func aValidTopicIsTakenAsItIs() throws {
        #expect(try Publish.validatedTopic(ByteBuffer(string: "$a/ä //€😀")) == "$a/ä //€😀")
    }
}
