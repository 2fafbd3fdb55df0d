/// A version of the protocol, named by the pair of protocol name and level in CONNECT.
package enum MQTTVersion: UInt8, Sendable, CaseIterable, Comparable {
    /// MQTT 3.1: protocol name `MQIsdp`, level 3.
    case v3_1 = 3
    /// MQTT 3.1.1: protocol name `MQTT`, level 4.
    case v3_1_1 = 4
    /// MQTT 5: protocol name `MQTT`, level 5.
    case v5 = 5

    /// The protocol name that CONNECT carries.
    package var protocolName: String { self == .v3_1 ? "MQIsdp" : "MQTT" }

    package static func < (left: MQTTVersion, right: MQTTVersion) -> Bool { left.rawValue < right.rawValue }
}
