import NIOCore

extension MQTTProperty {
    /// Reads the value that follows the identifier.
    init(_ id: MQTTPropertyID, from buffer: inout ByteBuffer) throws(MQTTCodecError) {
        switch id {
        case .payloadFormatIndicator: self = .payloadFormatIndicator(try buffer.readFlag(id))
        case .messageExpiryInterval: self = .messageExpiryInterval(try buffer.readField())
        case .contentType: self = .contentType(try buffer.readMQTTString())
        case .responseTopic: self = .responseTopic(try buffer.readResponseTopic())
        case .correlationData: self = .correlationData(try buffer.readBinarySlice())
        case .subscriptionIdentifier: self = .subscriptionIdentifier(try buffer.readSubscriptionIdentifier())
        case .sessionExpiryInterval: self = .sessionExpiryInterval(try buffer.readField())
        case .assignedClientIdentifier: self = .assignedClientIdentifier(try buffer.readMQTTString())
        case .serverKeepAlive: self = .serverKeepAlive(try buffer.readField())
        case .authenticationMethod: self = .authenticationMethod(try buffer.readMQTTString())
        case .authenticationData: self = .authenticationData(try buffer.readBinaryCopy())
        case .requestProblemInformation: self = .requestProblemInformation(try buffer.readFlag(id))
        case .willDelayInterval: self = .willDelayInterval(try buffer.readField())
        case .requestResponseInformation: self = .requestResponseInformation(try buffer.readFlag(id))
        case .responseInformation: self = .responseInformation(try buffer.readMQTTString())
        case .serverReference: self = .serverReference(try buffer.readMQTTString())
        case .reasonString: self = .reasonString(try buffer.readMQTTString())
        case .receiveMaximum: self = .receiveMaximum(try buffer.readNonZero(id))
        case .topicAliasMaximum: self = .topicAliasMaximum(try buffer.readField())
        case .topicAlias: self = .topicAlias(try buffer.readNonZero(id))
        case .maximumQoS: self = .maximumQoS(try buffer.readFlag(id) ? .atLeastOnce : .atMostOnce)
        case .retainAvailable: self = .retainAvailable(try buffer.readFlag(id))
        case .userProperty:
            let name = try buffer.readMQTTString()
            self = .userProperty(name: name, value: try buffer.readMQTTString())
        case .maximumPacketSize: self = .maximumPacketSize(try buffer.readNonZero(id))
        case .wildcardSubscriptionAvailable: self = .wildcardSubscriptionAvailable(try buffer.readFlag(id))
        case .subscriptionIdentifiersAvailable: self = .subscriptionIdentifiersAvailable(try buffer.readFlag(id))
        case .sharedSubscriptionAvailable: self = .sharedSubscriptionAvailable(try buffer.readFlag(id))
        }
    }
}

extension ByteBuffer {
    /// A byte that is 0 or 1; any other value is a protocol error.
    fileprivate mutating func readFlag(_ id: MQTTPropertyID) throws(MQTTCodecError) -> Bool {
        switch try readField(as: UInt8.self) {
        case 0: return false
        case 1: return true
        default: throw .invalidPropertyValue(id)
        }
    }

    fileprivate mutating func readNonZero<Value: FixedWidthInteger>(
        _ id: MQTTPropertyID
    ) throws(MQTTCodecError) -> Value {
        let value = try readField(as: Value.self)
        guard value != 0 else { throw .invalidPropertyValue(id) }
        return value
    }

    fileprivate mutating func readSubscriptionIdentifier() throws(MQTTCodecError) -> UInt32 {
        let value = try readVariableByteInteger()
        guard value != 0 else { throw .invalidPropertyValue(.subscriptionIdentifier) }
        return UInt32(truncatingIfNeeded: value)
    }

    /// A response topic is a topic name: without wildcards [MQTT-3.3.2-14].
    fileprivate mutating func readResponseTopic() throws(MQTTCodecError) -> String {
        let topic = try readMQTTString()
        guard !topic.isEmpty, !topic.utf8.contains(where: Publish.isWildcard) else {
            throw .invalidPropertyValue(.responseTopic)
        }
        return topic
    }
}
