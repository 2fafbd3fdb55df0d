package import MQTTCodec

// What an MQTT 5 client is told in words, beside a reason code (MQTT 5, section 4.13).
extension ClientSession {
    /// The packet with a Reason String, if it reports a failure, the client wants such [MQTT-3.1.2-29], and it doesn't get too long for the client by
    /// that [MQTT-3.2.2-19], [MQTT-3.14.2-3].
    package func explained(_ packet: MQTTPacket) -> MQTTPacket {
        guard version == .v5, let failure = packet.failure else { return packet }
        guard wantsReasons || packet.type == .connack || packet.type == .disconnect else { return packet }
        let explained = packet.with(reason: failure.words(in: packet.type))
        return fits(explained) ? explained : packet
    }
}

extension MQTTReasonCode {
    /// What the server means by it.
    fileprivate func words(in type: MQTTPacketType) -> String {
        switch self {
        case .malformedPacket: "the packet is malformed"
        case .protocolError: "the packet may not be sent like this, or not now"
        case .implementationSpecificError: "it can't be decided now; try again later"
        case .unsupportedProtocolVersion: "MQTT 3.1, 3.1.1 and 5 are spoken here"
        case .clientIdentifierNotValid: "the client identifier is too long"
        case .badUserNameOrPassword: "no thing has this id and key"
        case .notAuthorized where type == .connack: "no thing has this id and key, or the certificate isn't taken"
        case .notAuthorized where type == .disconnect: "the thing has lost the right that the connection lived by"
        case .notAuthorized: "the thing isn't connected to the channel"
        case .serverUnavailable: "the server can't serve anybody now; try again later"
        case .serverBusy: "what must be kept can't be kept now; come back later"
        case .serverShuttingDown: "the server stops; come back"
        case .badAuthenticationMethod: "there are no methods of enhanced authentication"
        case .keepAliveTimeout: "nothing came for one and a half times the keep-alive"
        case .sessionTakenOver: "another connection uses the client identifier"
        case .topicFilterInvalid: "filters are channels/<id>/messages[/<subtopic>], with or without $share/<group>/"
        case .topicNameInvalid: "topics are channels/<id>/messages[/<subtopic>]"
        case .packetIdentifierNotFound: "nothing is under way under this packet identifier"
        case .receiveMaximumExceeded: "more messages of QoS 1 and 2 are unacknowledged than CONNACK allows"
        case .topicAliasInvalid: "the topic alias is 0, beyond what CONNACK allows, or unknown"
        case .packetTooLarge: "the packet or its message is longer than may be"
        case .messageRateTooHigh, .connectionRateExceeded: "too much in too short a time"
        case .quotaExceeded where type == .connack:
            "the tenant, or the thing, has as many connections or sessions as it may have"
        case .quotaExceeded where type == .disconnect: "more messages waited than may; the newest were dropped"
        case .quotaExceeded: "there are as many as there may be"
        case .administrativeAction: "the connection carried no message for too long"
        case .payloadFormatInvalid: "the payload isn't of the format that the packet names"
        case .retainNotSupported: "no messages are retained here"
        case .sharedSubscriptionsNotSupported: "there are no shared subscriptions here"
        case .maximumConnectTime: "the connection has lasted as long as it may"
        default: "refused"
        }
    }
}
