/// The identifiers of the MQTT 5 properties (table 2-4).
package enum MQTTPropertyID: UInt8, Sendable, CaseIterable {
    case payloadFormatIndicator = 1
    case messageExpiryInterval = 2
    case contentType = 3
    case responseTopic = 8
    case correlationData = 9
    case subscriptionIdentifier = 11
    case sessionExpiryInterval = 17
    case assignedClientIdentifier = 18
    case serverKeepAlive = 19
    case authenticationMethod = 21
    case authenticationData = 22
    case requestProblemInformation = 23
    case willDelayInterval = 24
    case requestResponseInformation = 25
    case responseInformation = 26
    case serverReference = 28
    case reasonString = 31
    case receiveMaximum = 33
    case topicAliasMaximum = 34
    case topicAlias = 35
    case maximumQoS = 36
    case retainAvailable = 37
    case userProperty = 38
    case maximumPacketSize = 39
    case wildcardSubscriptionAvailable = 40
    case subscriptionIdentifiersAvailable = 41
    case sharedSubscriptionAvailable = 42
}

extension MQTTPropertyID {
    /// Where a property list stands.
    package enum Place: Sendable, CaseIterable {
        case connect, will, connack, publish
        /// PUBACK, PUBREC, PUBREL and PUBCOMP, which allow the same.
        case publishAck
        case subscribe, suback, unsubscribe, unsuback, disconnect, auth
    }

    /// Whether the property may stand there (table 2-4).
    package func isAllowed(in place: Place) -> Bool {
        switch self {
        case .payloadFormatIndicator, .messageExpiryInterval, .contentType, .responseTopic, .correlationData:
            place == .publish || place == .will
        case .topicAlias: place == .publish
        case .subscriptionIdentifier: place == .publish || place == .subscribe
        case .willDelayInterval: place == .will
        case .sessionExpiryInterval: place == .connect || place == .connack || place == .disconnect
        case .requestProblemInformation, .requestResponseInformation: place == .connect
        case .receiveMaximum, .topicAliasMaximum, .maximumPacketSize: place == .connect || place == .connack
        case .assignedClientIdentifier, .serverKeepAlive, .responseInformation, .maximumQoS, .retainAvailable,
            .wildcardSubscriptionAvailable, .subscriptionIdentifiersAvailable, .sharedSubscriptionAvailable:
            place == .connack
        case .authenticationMethod, .authenticationData: place == .connect || place == .connack || place == .auth
        case .serverReference: place == .connack || place == .disconnect
        case .reasonString:
            switch place {
            case .connack, .publishAck, .suback, .unsuback, .disconnect, .auth: true
            case .connect, .will, .publish, .subscribe, .unsubscribe: false
            }
        case .userProperty: true
        }
    }

    /// Whether the property may stand there more than once.
    func isRepeatable(in place: Place) -> Bool {
        self == .userProperty || (self == .subscriptionIdentifier && place == .publish)
    }
}
