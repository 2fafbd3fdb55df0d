package import NIOCore

/// UNSUBACK (section 3.11).
package struct Unsuback: Equatable, Sendable {
    package var packetID: UInt16
    /// One for each filter in MQTT 5, not sent before.
    package var reasonCodes: [MQTTReasonCode]
    package var properties: MQTTProperties

    package init(packetID: UInt16, reasonCodes: [MQTTReasonCode], properties: MQTTProperties = []) {
        self.packetID = packetID
        self.reasonCodes = reasonCodes
        self.properties = properties
    }
}

extension Unsuback: MQTTPacketBody {
    init(from body: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        packetID = try body.readPacketID()
        properties = version == .v5 ? try MQTTProperties(from: &body, in: .unsuback) : []
        reasonCodes = version == .v5 ? try body.readReasonCodes(for: .unsuback) : []
    }

    package func bodyLength(version: MQTTVersion) -> Int {
        version == .v5 ? 2 + properties.encodedLength + reasonCodes.count : 2
    }

    package func writeBody(into buffer: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        buffer.writeInteger(packetID)
        guard version == .v5 else { return }
        try properties.write(into: &buffer)
        for code in reasonCodes { buffer.writeInteger(code.rawValue) }
    }
}
