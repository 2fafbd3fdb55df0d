/// What is wrong with bytes that a peer sent, or with a packet that can't be put into bytes.
///
/// "Not enough bytes yet" is never an error: the decoder answers `nil`.
package enum MQTTCodecError: Error, Equatable, Sendable {
    // The fixed header.

    /// The packet type is 0, or 15 before MQTT 5 [MQTT-2.2.2-1 of 3.1.1].
    case reservedPacketType
    /// The flags of the fixed header are not those of the packet type [MQTT-2.1.3-1].
    case reservedFlags(MQTTPacketType)
    /// The remaining length goes on after four bytes.
    case remainingLengthTooLong
    /// The packet is longer than the limit [MQTT-3.1.2-24].
    case packetTooLarge(size: Int, limit: Int)
    /// The other end must not send this type, or must not send it now.
    case unexpectedPacket(MQTTPacketType)
    /// The first packet is not CONNECT [MQTT-3.1.0-1].
    case connectExpected
    /// CONNECT came twice [MQTT-3.1.0-2].
    case secondConnect

    // Fields.

    /// A field ends behind the end of the packet.
    case truncatedField
    /// Bytes are left behind the last field.
    case trailingBytes
    /// A string is no well-formed UTF-8 [MQTT-1.5.4-1].
    case malformedString
    /// A string holds U+0000 [MQTT-1.5.4-2].
    case nullCharacter
    /// A variable byte integer is longer than four bytes or than its value needs [MQTT-1.5.5-1].
    case malformedVariableByteInteger
    /// A packet identifier is 0 [MQTT-2.2.1-3].
    case zeroPacketID
    /// The reason code is unknown or not one of this packet type.
    case invalidReasonCode(MQTTPacketType)

    // CONNECT and CONNACK.

    /// The protocol name is unknown [MQTT-3.1.2-1].
    case unsupportedProtocolName
    /// The protocol level is unknown or not one of the protocol name [MQTT-3.1.2-2].
    case unsupportedProtocolLevel(UInt8)
    /// Bit 0 of the connect flags is set [MQTT-3.1.2-3].
    case reservedConnectFlag
    /// Will QoS or will retain is set without a will [MQTT-3.1.2-11], [MQTT-3.1.2-13].
    case willFlagsWithoutWill
    /// A password without a user name, before MQTT 5 [MQTT-3.1.2-22 of 3.1.1].
    case passwordWithoutUserName
    /// Reserved acknowledge flags, or session present beside a refusal [MQTT-3.2.2-1], [MQTT-3.2.2-6].
    case invalidConnackFlags

    // PUBLISH, SUBSCRIBE, UNSUBSCRIBE.

    /// QoS 3 [MQTT-3.3.1-4], [MQTT-3.1.2-12], [MQTT-3.8.3-4 of 3.1.1].
    case invalidQoS
    /// DUP on a QoS 0 message [MQTT-3.3.1-2].
    case duplicateWithQoS0
    /// The topic name is empty, without an alias [MQTT-4.7.3-1].
    case emptyTopicName
    /// The topic name holds a wildcard [MQTT-3.3.2-2].
    case wildcardInTopicName
    /// The topic filter is empty [MQTT-4.7.3-1].
    case emptyTopicFilter
    /// The list of filters or codes is empty [MQTT-3.8.3-2], [MQTT-3.10.3-2].
    case emptyList(MQTTPacketType)
    /// Reserved bits of the subscription options are set [MQTT-3.8.3-5].
    case reservedSubscriptionOptions
    /// Retain handling is 3.
    case invalidRetainHandling
    /// No Local on a shared subscription [MQTT-3.8.3-4].
    case noLocalOnSharedSubscription

    // Properties.

    /// The identifier is none of the standard.
    case unknownProperty(Int)
    /// The property may not stand in this packet.
    case propertyNotAllowed(MQTTPropertyID)
    /// The property may stand once only.
    case duplicateProperty(MQTTPropertyID)
    /// The value is outside of what the standard allows.
    case invalidPropertyValue(MQTTPropertyID)
    /// A client sent a subscription identifier in PUBLISH [MQTT-3.3.4-6].
    case subscriptionIdentifierFromClient
    /// Authentication data without a method.
    case authenticationDataWithoutMethod

    // Encoding.

    /// A string or binary field is longer than its length prefix can say.
    case fieldTooLong
}

extension MQTTCodecError {
    /// The reason code by which MQTT 5 tells the peer.
    package var reasonCode: MQTTReasonCode {
        switch self {
        case .reservedPacketType, .reservedFlags, .remainingLengthTooLong, .truncatedField, .trailingBytes,
            .malformedString, .nullCharacter, .malformedVariableByteInteger, .invalidReasonCode, .reservedConnectFlag,
            .willFlagsWithoutWill, .invalidConnackFlags, .invalidQoS, .duplicateWithQoS0, .reservedSubscriptionOptions,
            .unknownProperty, .propertyNotAllowed:
            .malformedPacket
        case .unexpectedPacket, .connectExpected, .secondConnect, .zeroPacketID, .passwordWithoutUserName,
            .emptyTopicName, .emptyList, .invalidRetainHandling, .noLocalOnSharedSubscription, .duplicateProperty,
            .subscriptionIdentifierFromClient, .authenticationDataWithoutMethod:
            .protocolError
        case .invalidPropertyValue(.topicAlias): .topicAliasInvalid
        case .invalidPropertyValue: .protocolError
        case .packetTooLarge: .packetTooLarge
        case .unsupportedProtocolName, .unsupportedProtocolLevel: .unsupportedProtocolVersion
        case .wildcardInTopicName: .topicNameInvalid
        case .emptyTopicFilter: .topicFilterInvalid
        case .fieldTooLong: .implementationSpecificError
        }
    }
}
