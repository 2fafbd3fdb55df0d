package import NIOCore

// The values by name; `nil` when the list doesn't carry the property.
extension MQTTProperties {
    private func first<Value>(_ value: (MQTTProperty) -> Value?) -> Value? {
        for property in list {
            if let found = value(property) { return found }
        }
        return nil
    }

    package var payloadFormatIndicator: Bool? {
        first { if case .payloadFormatIndicator(let value) = $0 { value } else { nil } }
    }

    package var messageExpiryInterval: UInt32? {
        first { if case .messageExpiryInterval(let value) = $0 { value } else { nil } }
    }

    package var contentType: String? {
        first { if case .contentType(let value) = $0 { value } else { nil } }
    }

    package var responseTopic: String? {
        first { if case .responseTopic(let value) = $0 { value } else { nil } }
    }

    package var correlationData: ByteBuffer? {
        first { if case .correlationData(let value) = $0 { value } else { nil } }
    }

    /// The first subscription identifier; PUBLISH may carry several (`subscriptionIdentifiers`).
    package var subscriptionIdentifier: UInt32? {
        first { if case .subscriptionIdentifier(let value) = $0 { value } else { nil } }
    }

    package var subscriptionIdentifiers: [UInt32] {
        list.compactMap { if case .subscriptionIdentifier(let value) = $0 { value } else { nil } }
    }

    package var sessionExpiryInterval: UInt32? {
        first { if case .sessionExpiryInterval(let value) = $0 { value } else { nil } }
    }

    package var assignedClientIdentifier: String? {
        first { if case .assignedClientIdentifier(let value) = $0 { value } else { nil } }
    }

    package var serverKeepAlive: UInt16? {
        first { if case .serverKeepAlive(let value) = $0 { value } else { nil } }
    }

    package var authenticationMethod: String? {
        first { if case .authenticationMethod(let value) = $0 { value } else { nil } }
    }

    package var authenticationData: ByteBuffer? {
        first { if case .authenticationData(let value) = $0 { value } else { nil } }
    }

    package var requestProblemInformation: Bool? {
        first { if case .requestProblemInformation(let value) = $0 { value } else { nil } }
    }

    package var willDelayInterval: UInt32? {
        first { if case .willDelayInterval(let value) = $0 { value } else { nil } }
    }

    package var requestResponseInformation: Bool? {
        first { if case .requestResponseInformation(let value) = $0 { value } else { nil } }
    }

    package var responseInformation: String? {
        first { if case .responseInformation(let value) = $0 { value } else { nil } }
    }

    package var serverReference: String? {
        first { if case .serverReference(let value) = $0 { value } else { nil } }
    }

    package var reasonString: String? {
        first { if case .reasonString(let value) = $0 { value } else { nil } }
    }

    package var receiveMaximum: UInt16? {
        first { if case .receiveMaximum(let value) = $0 { value } else { nil } }
    }

    package var topicAliasMaximum: UInt16? {
        first { if case .topicAliasMaximum(let value) = $0 { value } else { nil } }
    }

    package var topicAlias: UInt16? {
        first { if case .topicAlias(let value) = $0 { value } else { nil } }
    }

    package var maximumQoS: MQTTQoS? {
        first { if case .maximumQoS(let value) = $0 { value } else { nil } }
    }

    package var retainAvailable: Bool? {
        first { if case .retainAvailable(let value) = $0 { value } else { nil } }
    }

    package var userProperties: [(name: String, value: String)] {
        list.compactMap { if case .userProperty(let name, let value) = $0 { (name, value) } else { nil } }
    }

    package var maximumPacketSize: UInt32? {
        first { if case .maximumPacketSize(let value) = $0 { value } else { nil } }
    }

    package var wildcardSubscriptionAvailable: Bool? {
        first { if case .wildcardSubscriptionAvailable(let value) = $0 { value } else { nil } }
    }

    package var subscriptionIdentifiersAvailable: Bool? {
        first { if case .subscriptionIdentifiersAvailable(let value) = $0 { value } else { nil } }
    }

    package var sharedSubscriptionAvailable: Bool? {
        first { if case .sharedSubscriptionAvailable(let value) = $0 { value } else { nil } }
    }
}
