import MQTTCodec
import NIOCore
import Testing

/// One row for each rule that bytes can break.
@Suite struct MalformedPacketTests {
    struct Row: CustomTestStringConvertible {
        let rule: String
        var version: MQTTVersion = .v5
        var role: MQTTRole = .server
        let bytes: [UInt8]
        let error: MQTTCodecError

        var testDescription: String { rule }
    }

    @Test(arguments: headers + publishes + acknowledgements + subscriptions + properties)
    func aBrokenRuleIsNamed(_ row: Row) throws {
        var decoder = try MQTTDecoder.connected(row.version, role: row.role)
        var bytes = ByteBuffer(bytes: row.bytes)

        #expect(throws: row.error) { try decoder.next(in: &bytes) }
    }

    @Test(arguments: connects)
    func aBrokenRuleOfConnectIsNamed(_ row: Row) {
        var decoder = MQTTDecoder(maximumPacketSize: 1000)
        var bytes = ByteBuffer(bytes: row.bytes)

        #expect(throws: row.error) { try decoder.next(in: &bytes) }
    }

    /// CONNECT with everything behind the level as given.
    static func connect(level: UInt8 = 5, name: String = "MQTT", _ rest: [UInt8]) -> [UInt8] {
        let body = [0, UInt8(name.utf8.count)] + Array(name.utf8) + [level] + rest
        return [0x10, UInt8(body.count)] + body
    }

    static let headers: [Row] = [
        Row(rule: "type 0", bytes: [0x00, 0], error: .reservedPacketType),
        Row(rule: "type 15 before MQTT 5", version: .v3_1_1, bytes: [0xF0, 0], error: .reservedPacketType),
        Row(rule: "PINGREQ flags", bytes: [0xC1, 0], error: .reservedFlags(.pingreq)),
        Row(rule: "PUBACK flags", bytes: [0x42, 2, 0, 1], error: .reservedFlags(.puback)),
        Row(rule: "PUBREL flags", bytes: [0x60, 2, 0, 1], error: .reservedFlags(.pubrel)),
        Row(rule: "SUBSCRIBE flags", bytes: [0x80, 2, 0, 1], error: .reservedFlags(.subscribe)),
        Row(rule: "UNSUBSCRIBE flags", bytes: [0xA0, 2, 0, 1], error: .reservedFlags(.unsubscribe)),
        Row(rule: "DISCONNECT flags", bytes: [0xE1, 0], error: .reservedFlags(.disconnect)),
        Row(rule: "five length bytes", bytes: [0x30, 0x80, 0x80, 0x80, 0x80, 1], error: .remainingLengthTooLong),
        Row(rule: "longer length than needed", bytes: [0xC0, 0x80, 0], error: .malformedVariableByteInteger),
        Row(rule: "second CONNECT", bytes: connect([2, 0, 0, 0, 0, 0]), error: .secondConnect),
        Row(rule: "CONNACK to a server", bytes: [0x20, 2, 0, 0], error: .unexpectedPacket(.connack)),
        Row(rule: "SUBACK to a server", bytes: [0x90, 2, 0, 1], error: .unexpectedPacket(.suback)),
        Row(rule: "PINGRESP to a server", bytes: [0xD0, 0], error: .unexpectedPacket(.pingresp)),
        Row(rule: "PINGREQ to a client", role: .client, bytes: [0xC0, 0], error: .unexpectedPacket(.pingreq)),
        Row(
            rule: "3.1.1 DISCONNECT to a client",
            version: .v3_1_1,
            role: .client,
            bytes: [0xE0, 0],
            error: .unexpectedPacket(.disconnect)
        ),
        Row(rule: "PINGREQ with a body", bytes: [0xC0, 1, 0], error: .trailingBytes),
        Row(rule: "3.1.1 DISCONNECT with a body", version: .v3_1_1, bytes: [0xE0, 1, 0], error: .trailingBytes),
    ]

    static let publishes: [Row] = [
        Row(rule: "QoS 3", bytes: [0x36, 6, 0, 1, 0x61, 0, 1, 0], error: .invalidQoS),
        Row(rule: "DUP with QoS 0", bytes: [0x38, 4, 0, 1, 0x61, 0], error: .duplicateWithQoS0),
        Row(rule: "packet identifier 0", bytes: [0x32, 6, 0, 1, 0x61, 0, 0, 0], error: .zeroPacketID),
        Row(rule: "no packet identifier", bytes: [0x32, 3, 0, 1, 0x61], error: .truncatedField),
        Row(rule: "topic behind the end", bytes: [0x30, 3, 0, 9, 0x61], error: .truncatedField),
        Row(rule: "no topic", bytes: [0x30, 0], error: .truncatedField),
        Row(rule: "empty topic, 3.1.1", version: .v3_1_1, bytes: [0x30, 2, 0, 0], error: .emptyTopicName),
        Row(rule: "empty topic without alias", bytes: [0x30, 3, 0, 0, 0], error: .emptyTopicName),
        Row(rule: "no property length", bytes: [0x30, 3, 0, 1, 0x61], error: .truncatedField),
        Row(
            rule: "subscription identifier from a client",
            bytes: [0x30, 6, 0, 1, 0x61, 2, 11, 1],
            error: .subscriptionIdentifierFromClient
        ),
    ]

    static let acknowledgements: [Row] = [
        Row(rule: "PUBACK without identifier", bytes: [0x40, 0], error: .truncatedField),
        Row(rule: "PUBACK identifier 0", bytes: [0x40, 2, 0, 0], error: .zeroPacketID),
        Row(rule: "3.1.1 PUBACK too long", version: .v3_1_1, bytes: [0x40, 3, 0, 1, 0], error: .trailingBytes),
        Row(rule: "unknown reason code", bytes: [0x40, 3, 0, 1, 0x7F], error: .invalidReasonCode(.puback)),
        Row(rule: "reason code of another packet", bytes: [0x62, 3, 0, 1, 0x87], error: .invalidReasonCode(.pubrel)),
        Row(rule: "bytes behind the properties", bytes: [0x40, 5, 0, 1, 0, 0, 0], error: .trailingBytes),
        Row(rule: "DISCONNECT reason", bytes: [0xE0, 1, 0x01], error: .invalidReasonCode(.disconnect)),
        Row(rule: "AUTH reason", bytes: [0xF0, 2, 0x87, 0], error: .invalidReasonCode(.auth)),
        Row(
            rule: "AUTH data without method",
            bytes: [0xF0, 6, 0x18, 4, 22, 0, 1, 0],
            error: .authenticationDataWithoutMethod
        ),
        Row(rule: "CONNACK flags", role: .client, bytes: [0x20, 3, 2, 0, 0], error: .invalidConnackFlags),
        Row(
            rule: "session present beside a refusal",
            role: .client,
            bytes: [0x20, 3, 1, 0x87, 0],
            error: .invalidConnackFlags
        ),
        Row(
            rule: "3.1.1 return code 6",
            version: .v3_1_1,
            role: .client,
            bytes: [0x20, 2, 0, 6],
            error: .invalidReasonCode(.connack)
        ),
        Row(rule: "SUBACK without codes", role: .client, bytes: [0x90, 3, 0, 1, 0], error: .emptyList(.suback)),
        Row(
            rule: "3.1.1 SUBACK with an MQTT 5 code",
            version: .v3_1_1,
            role: .client,
            bytes: [0x90, 3, 0, 1, 0x87],
            error: .invalidReasonCode(.suback)
        ),
        Row(
            rule: "DISCONNECT of a server with session expiry",
            role: .client,
            bytes: [0xE0, 7, 0, 5, 17, 0, 0, 0, 1],
            error: .propertyNotAllowed(.sessionExpiryInterval)
        ),
    ]

    static let subscriptions: [Row] = [
        Row(rule: "SUBSCRIBE without filters", bytes: [0x82, 3, 0, 1, 0], error: .emptyList(.subscribe)),
        Row(rule: "SUBSCRIBE identifier 0", bytes: [0x82, 7, 0, 0, 0, 0, 1, 0x61, 0], error: .zeroPacketID),
        Row(rule: "filter without options", bytes: [0x82, 6, 0, 1, 0, 0, 1, 0x61], error: .truncatedField),
        Row(rule: "empty filter", bytes: [0x82, 6, 0, 1, 0, 0, 0, 0], error: .emptyTopicFilter),
        Row(rule: "QoS 3", bytes: [0x82, 7, 0, 1, 0, 0, 1, 0x61, 3], error: .invalidQoS),
        Row(
            rule: "reserved options",
            bytes: [0x82, 7, 0, 1, 0, 0, 1, 0x61, 0x40],
            error: .reservedSubscriptionOptions
        ),
        Row(
            rule: "3.1.1 options",
            version: .v3_1_1,
            bytes: [0x82, 6, 0, 1, 0, 1, 0x61, 4],
            error: .reservedSubscriptionOptions
        ),
        Row(rule: "retain handling 3", bytes: [0x82, 7, 0, 1, 0, 0, 1, 0x61, 0x30], error: .invalidRetainHandling),
        Row(
            rule: "no local on a shared subscription",
            bytes: [0x82, 16, 0, 1, 0, 0, 10] + "$share/g/a".utf8 + [4],
            error: .noLocalOnSharedSubscription
        ),
        Row(rule: "filter no UTF-8", bytes: [0x82, 7, 0, 1, 0, 0, 1, 0xFF, 0], error: .malformedString),
        Row(rule: "filter with U+0000", bytes: [0x82, 7, 0, 1, 0, 0, 1, 0, 0], error: .nullCharacter),
        Row(rule: "UNSUBSCRIBE without filters", bytes: [0xA2, 3, 0, 1, 0], error: .emptyList(.unsubscribe)),
        Row(rule: "empty filter to leave", bytes: [0xA2, 5, 0, 1, 0, 0, 0], error: .emptyTopicFilter),
    ]

    /// A PUBACK with this property section.
    static func puback(_ section: [UInt8]) -> [UInt8] {
        [0x40, UInt8(4 + section.count), 0, 1, 0, UInt8(section.count)] + section
    }

    /// A PUBLISH with this property section.
    static func publish(_ section: [UInt8]) -> [UInt8] {
        [0x30, UInt8(4 + section.count), 0, 1, 0x61, UInt8(section.count)] + section
    }

    static let properties: [Row] = [
        Row(rule: "unknown property", bytes: puback([4, 0]), error: .unknownProperty(4)),
        Row(rule: "unknown property over a byte", bytes: puback([0x80, 2]), error: .unknownProperty(256)),
        Row(
            rule: "property of another packet",
            bytes: puback([33, 0, 1]),
            error: .propertyNotAllowed(.receiveMaximum)
        ),
        Row(
            rule: "twice",
            bytes: puback([31, 0, 0, 31, 0, 0]),
            error: .duplicateProperty(.reasonString)
        ),
        Row(rule: "value behind the section", bytes: puback([31, 0, 5, 0x61]), error: .truncatedField),
        Row(rule: "section behind the packet", bytes: [0x40, 5, 0, 1, 0, 9, 31], error: .truncatedField),
        Row(
            rule: "length of five bytes",
            bytes: [0x40, 8, 0, 1, 0, 0x80, 0x80, 0x80, 0x80, 1],
            error: .malformedVariableByteInteger
        ),
        Row(rule: "length unfinished", bytes: [0x40, 4, 0, 1, 0, 0x80], error: .truncatedField),
        Row(rule: "flag 2", bytes: publish([1, 2]), error: .invalidPropertyValue(.payloadFormatIndicator)),
        Row(rule: "topic alias 0", bytes: publish([35, 0, 0]), error: .invalidPropertyValue(.topicAlias)),
        Row(
            rule: "response topic with a wildcard",
            bytes: publish([8, 0, 1, 0x23]),
            error: .invalidPropertyValue(.responseTopic)
        ),
        Row(
            rule: "subscription identifier 0",
            bytes: [0x82, 9, 0, 1, 2, 11, 0, 0, 1, 0x61, 0],
            error: .invalidPropertyValue(.subscriptionIdentifier)
        ),
        Row(
            rule: "two subscription identifiers in SUBSCRIBE",
            bytes: [0x82, 11, 0, 1, 4, 11, 1, 11, 2, 0, 1, 0x61, 0],
            error: .duplicateProperty(.subscriptionIdentifier)
        ),
    ]

    static let connects: [Row] = [
        Row(rule: "another packet first", bytes: [0xC0, 0], error: .connectExpected),
        Row(rule: "flags", bytes: [0x11, 0], error: .reservedFlags(.connect)),
        Row(rule: "empty", bytes: [0x10, 0], error: .truncatedField),
        Row(rule: "name", bytes: connect(level: 4, name: "HTTP", [2, 0, 0, 0, 0]), error: .unsupportedProtocolName),
        Row(rule: "level 6", bytes: connect(level: 6, [2, 0, 0, 0, 0]), error: .unsupportedProtocolLevel(6)),
        Row(rule: "level 3 of MQTT", bytes: connect(level: 3, [2, 0, 0, 0, 0]), error: .unsupportedProtocolLevel(3)),
        Row(
            rule: "level 4 of MQIsdp",
            bytes: connect(level: 4, name: "MQIsdp", [2, 0, 0, 0, 0]),
            error: .unsupportedProtocolLevel(4)
        ),
        Row(rule: "reserved flag", bytes: connect(level: 4, [3, 0, 0, 0, 0]), error: .reservedConnectFlag),
        Row(rule: "will QoS without will", bytes: connect(level: 4, [0x0A, 0, 0, 0, 0]), error: .willFlagsWithoutWill),
        Row(
            rule: "will retain without will",
            bytes: connect(level: 4, [0x22, 0, 0, 0, 0]),
            error: .willFlagsWithoutWill
        ),
        Row(rule: "will QoS 3", bytes: connect(level: 4, [0x1E, 0, 0, 0, 0]), error: .invalidQoS),
        Row(
            rule: "will topic with a wildcard",
            bytes: connect(level: 4, [6, 0, 0, 0, 0, 0, 1, 0x23, 0, 0]),
            error: .wildcardInTopicName
        ),
        Row(rule: "will topic missing", bytes: connect(level: 4, [6, 0, 0, 0, 0]), error: .truncatedField),
        Row(
            rule: "password without user name",
            bytes: connect(level: 4, [0x42, 0, 0, 0, 0, 0, 0]),
            error: .passwordWithoutUserName
        ),
        Row(rule: "user name missing", bytes: connect(level: 4, [0x82, 0, 0, 0, 0]), error: .truncatedField),
        Row(rule: "client id no UTF-8", bytes: connect(level: 4, [2, 0, 0, 0, 1, 0xFF]), error: .malformedString),
        Row(rule: "client id with U+0000", bytes: connect(level: 4, [2, 0, 0, 0, 1, 0]), error: .nullCharacter),
        Row(rule: "bytes left", bytes: connect(level: 4, [2, 0, 0, 0, 0, 0]), error: .trailingBytes),
        Row(
            rule: "receive maximum 0",
            bytes: connect([2, 0, 0, 3, 33, 0, 0, 0, 0]),
            error: .invalidPropertyValue(.receiveMaximum)
        ),
        Row(
            rule: "maximum packet size 0",
            bytes: connect([2, 0, 0, 5, 39, 0, 0, 0, 0, 0, 0]),
            error: .invalidPropertyValue(.maximumPacketSize)
        ),
        Row(
            rule: "authentication data without method",
            bytes: connect([2, 0, 0, 4, 22, 0, 1, 0, 0, 0]),
            error: .authenticationDataWithoutMethod
        ),
        Row(
            rule: "will delay outside of the will",
            bytes: connect([2, 0, 0, 5, 24, 0, 0, 0, 0, 0, 0]),
            error: .propertyNotAllowed(.willDelayInterval)
        ),
        Row(
            rule: "longer length than needed, MQTT 5",
            bytes: [0x10, 0x8D, 0] + connect([2, 0, 0, 0, 0, 0]).dropFirst(2),
            error: .malformedVariableByteInteger
        ),
    ]

    @Test func mqtt5AllowsAPasswordWithoutUserName() throws {
        var decoder = MQTTDecoder(maximumPacketSize: 100)
        var bytes = ByteBuffer(bytes: Self.connect([0x42, 0, 0, 0, 0, 0, 0, 1, 0x70]))

        guard case .connect(let connect) = try decoder.next(in: &bytes) else {
            Issue.record("no CONNECT")
            return
        }

        #expect(connect.password == ByteBuffer(string: "p") && connect.userName == nil)
    }

    @Test func mqtt31LetsTheRemainingLengthOverruleTheUserNameFlag() throws {
        var decoder = MQTTDecoder(maximumPacketSize: 100)
        var bytes = ByteBuffer(bytes: Self.connect(level: 3, name: "MQIsdp", [0xC2, 0, 0, 0, 1, 0x63]))

        guard case .connect(let connect) = try decoder.next(in: &bytes) else {
            Issue.record("no CONNECT")
            return
        }

        #expect(connect.version == .v3_1 && connect.userName == nil && connect.password == nil)
    }

    @Test func mqtt31IgnoresUnusedFlags() throws {
        var decoder = try MQTTDecoder.connected(.v3_1)
        var bytes = ByteBuffer(bytes: [0x6A, 2, 0, 1])

        #expect(try decoder.next(in: &bytes) == .pubrel(PublishAck(packetID: 1)))
    }

    @Test func aServerMaySendSeveralSubscriptionIdentifiers() throws {
        var decoder = try MQTTDecoder.connected(.v5, role: .client)
        var bytes = ByteBuffer(bytes: Self.publish([11, 1, 11, 2]))

        guard case .publish(let publish) = try decoder.next(in: &bytes) else {
            Issue.record("no PUBLISH")
            return
        }

        #expect(publish.properties.subscriptionIdentifiers == [1, 2])
    }

    /// Table 2-4 of MQTT 5, counted place by place.
    @Test func everyPropertyIsAllowedWhereTheStandardSaysOnly() {
        let counts: [MQTTPropertyID.Place: Int] = [
            .connect: 9, .will: 7, .connack: 17, .publish: 8, .publishAck: 2, .subscribe: 2, .suback: 2,
            .unsubscribe: 1, .unsuback: 2, .disconnect: 4, .auth: 4,
        ]
        for place in MQTTPropertyID.Place.allCases {
            #expect(MQTTPropertyID.allCases.filter { $0.isAllowed(in: place) }.count == counts[place], "\(place)")
        }
    }
}
