/// The packet types by their number in the upper half of the first byte.
package enum MQTTPacketType: UInt8, Sendable, CaseIterable {
    case connect = 1
    case connack
    case publish
    case puback
    case pubrec
    case pubrel
    case pubcomp
    case subscribe
    case suback
    case unsubscribe
    case unsuback
    case pingreq
    case pingresp
    case disconnect
    case auth
}

extension MQTTPacketType {
    /// The lower half of the first byte that the standards fix for every type but PUBLISH [MQTT-2.1.3-1].
    var fixedFlags: UInt8 {
        switch self {
        case .pubrel, .subscribe, .unsubscribe: 0b0010
        default: 0
        }
    }

    /// The first byte of a packet whose flags are fixed.
    var firstByte: UInt8 { rawValue << 4 | fixedFlags }

    /// Whether the flags are lawful.
    ///
    /// MQTT 3.1 calls unused flags "not used" and lets PUBREL, SUBSCRIBE and UNSUBSCRIBE carry DUP, so they are ignored there.
    func accepts(flags: UInt8, version: MQTTVersion?) -> Bool {
        self == .publish || flags == fixedFlags || version == .v3_1
    }

    /// Whether a packet of this type may arrive at the given end.
    func mayArrive(at role: MQTTRole, version: MQTTVersion?) -> Bool {
        switch self {
        case .connect, .subscribe, .unsubscribe, .pingreq: role == .server
        case .connack, .suback, .unsuback, .pingresp: role == .client
        case .disconnect: role == .server || version == .v5
        case .publish, .puback, .pubrec, .pubrel, .pubcomp, .auth: true
        }
    }
}
