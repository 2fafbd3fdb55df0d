package import MQTTCodec

/// What became of a message that a client published.
package enum PublishOutcome: Equatable, Sendable, CaseIterable {
    /// The bus has it.
    case accepted
    case notAuthorized
    case topicInvalid
    /// It can't be decided or stored now; trying again may help.
    case unavailable
    case quotaExceeded
    case tooLarge

    /// What PUBACK and PUBREC say in MQTT 5.
    package var reasonCode: MQTTReasonCode {
        switch self {
        case .accepted: .success
        case .notAuthorized: .notAuthorized
        case .topicInvalid: .topicNameInvalid
        case .unavailable: .implementationSpecificError
        case .quotaExceeded: .quotaExceeded
        case .tooLarge: .packetTooLarge
        }
    }
}
