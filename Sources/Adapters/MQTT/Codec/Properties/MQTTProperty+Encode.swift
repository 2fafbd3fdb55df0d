import NIOCore

extension MQTTProperty {
    /// Bytes of identifier and value.
    var encodedLength: Int {
        switch self {
        case .payloadFormatIndicator, .requestProblemInformation, .requestResponseInformation, .maximumQoS,
            .retainAvailable, .wildcardSubscriptionAvailable, .subscriptionIdentifiersAvailable,
            .sharedSubscriptionAvailable:
            2
        case .serverKeepAlive, .receiveMaximum, .topicAliasMaximum, .topicAlias: 3
        case .messageExpiryInterval, .sessionExpiryInterval, .willDelayInterval, .maximumPacketSize: 5
        case .subscriptionIdentifier(let value): 1 + VariableByteInteger.length(of: Int(value))
        case .contentType(let text), .responseTopic(let text), .assignedClientIdentifier(let text),
            .authenticationMethod(let text), .responseInformation(let text), .serverReference(let text),
            .reasonString(let text):
            3 + text.utf8.count
        case .correlationData(let bytes), .authenticationData(let bytes): 3 + bytes.readableBytes
        case .userProperty(let name, let value): 5 + name.utf8.count + value.utf8.count
        }
    }

    /// Writes identifier and value.
    func write(into buffer: inout ByteBuffer) throws(MQTTCodecError) {
        buffer.writeInteger(id.rawValue)
        switch self {
        case .payloadFormatIndicator(let flag), .requestProblemInformation(let flag),
            .requestResponseInformation(let flag), .retainAvailable(let flag), .wildcardSubscriptionAvailable(let flag),
            .subscriptionIdentifiersAvailable(let flag), .sharedSubscriptionAvailable(let flag):
            buffer.writeInteger(flag ? 1 : 0, as: UInt8.self)
        case .maximumQoS(let qos): buffer.writeInteger(qos.rawValue)
        case .serverKeepAlive(let value), .receiveMaximum(let value), .topicAliasMaximum(let value),
            .topicAlias(let value):
            buffer.writeInteger(value)
        case .messageExpiryInterval(let value), .sessionExpiryInterval(let value), .willDelayInterval(let value),
            .maximumPacketSize(let value):
            buffer.writeInteger(value)
        case .subscriptionIdentifier(let value):
            guard value <= VariableByteInteger.maximum else { throw .fieldTooLong }
            buffer.writeVariableByteInteger(Int(value))
        case .contentType(let text), .responseTopic(let text), .assignedClientIdentifier(let text),
            .authenticationMethod(let text), .responseInformation(let text), .serverReference(let text),
            .reasonString(let text):
            try buffer.writeMQTTString(text)
        case .correlationData(let bytes), .authenticationData(let bytes): try buffer.writeMQTTBinary(bytes)
        case .userProperty(let name, let value):
            try buffer.writeMQTTString(name)
            try buffer.writeMQTTString(value)
        }
    }
}
