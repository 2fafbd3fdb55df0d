package import NIOCore

/// SUBACK (section 3.9): one code for each filter, in the same order [MQTT-3.8.4-6].
package struct Suback: Equatable, Sendable {
    package var packetID: UInt16
    /// Before MQTT 5 every failure is sent as 0x80 [MQTT-3.9.3-2 of 3.1.1].
    package var reasonCodes: [MQTTReasonCode]
    package var properties: MQTTProperties

    package init(packetID: UInt16, reasonCodes: [MQTTReasonCode], properties: MQTTProperties = []) {
        self.packetID = packetID
        self.reasonCodes = reasonCodes
        self.properties = properties
    }
}

extension Suback: MQTTPacketBody {
    init(from body: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        packetID = try body.readPacketID()
        properties = version == .v5 ? try MQTTProperties(from: &body, in: .suback) : []
        reasonCodes = try body.readReasonCodes(for: .suback)
        guard version == .v5 || reasonCodes.allSatisfy({ !$0.isFailure || $0 == .unspecifiedError }) else {
            throw .invalidReasonCode(.suback)
        }
    }

    package func bodyLength(version: MQTTVersion) -> Int {
        2 + (version == .v5 ? properties.encodedLength : 0) + reasonCodes.count
    }

    package func writeBody(into buffer: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        buffer.writeInteger(packetID)
        if version == .v5 { try properties.write(into: &buffer) }
        for code in reasonCodes {
            let sent = version < .v5 && code.isFailure ? .unspecifiedError : code
            buffer.writeInteger(sent.rawValue)
        }
    }
}
