/// Quality of service of a message or a subscription.
package enum MQTTQoS: UInt8, Sendable, CaseIterable, Comparable {
    case atMostOnce = 0
    case atLeastOnce = 1
    case exactlyOnce = 2

    package static func < (left: MQTTQoS, right: MQTTQoS) -> Bool { left.rawValue < right.rawValue }

    // Seen through in other modules: made by the compiler it would be called by way of the generic one.
    @inlinable
    package static func == (left: MQTTQoS, right: MQTTQoS) -> Bool {
        switch (left, right) {
        case (.atMostOnce, .atMostOnce), (.atLeastOnce, .atLeastOnce), (.exactlyOnce, .exactlyOnce): true
        default: false
        }
    }
}
