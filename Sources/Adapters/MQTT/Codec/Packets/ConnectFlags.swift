/// The connect flags byte.
struct ConnectFlags {
    private static let reserved: UInt8 = 0x01
    private static let cleanStart: UInt8 = 0x02
    private static let will: UInt8 = 0x04
    private static let willRetain: UInt8 = 0x20
    private static let password: UInt8 = 0x40
    private static let userName: UInt8 = 0x80

    var cleanStart = false
    var hasWill = false
    var willQoS: MQTTQoS = .atMostOnce
    var willRetain = false
    var hasPassword = false
    var hasUserName = false

    init(_ connect: Connect) {
        cleanStart = connect.cleanStart
        if let will = connect.will {
            hasWill = true
            willQoS = will.qos
            willRetain = will.retain
        }
        hasPassword = connect.password != nil
        hasUserName = connect.userName != nil
    }

    init(_ byte: UInt8, version: MQTTVersion) throws(MQTTCodecError) {
        // MQTT 3.1 leaves bit 0 unused, without a rule about its value.
        guard byte & Self.reserved == 0 || version == .v3_1 else { throw .reservedConnectFlag }
        cleanStart = byte & Self.cleanStart != 0
        hasWill = byte & Self.will != 0
        guard let qos = MQTTQoS(rawValue: byte >> 3 & 0b11) else { throw .invalidQoS }
        willQoS = qos
        willRetain = byte & Self.willRetain != 0
        guard hasWill || (willQoS == .atMostOnce && !willRetain) else { throw .willFlagsWithoutWill }
        hasPassword = byte & Self.password != 0
        hasUserName = byte & Self.userName != 0
        guard hasUserName || !hasPassword || version == .v5 else { throw .passwordWithoutUserName }
    }

    var byte: UInt8 {
        (cleanStart ? Self.cleanStart : 0) | (hasWill ? Self.will : 0) | willQoS.rawValue << 3
            | (willRetain ? Self.willRetain : 0) | (hasPassword ? Self.password : 0) | (hasUserName ? Self.userName : 0)
    }
}
