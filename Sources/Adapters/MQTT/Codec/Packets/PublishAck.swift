package import NIOCore

/// PUBACK, PUBREC, PUBREL and PUBCOMP (sections 3.4–3.7), which share one shape.
package struct PublishAck: Equatable, Sendable {
    package var packetID: UInt16
    /// MQTT 5 only.
    package var reasonCode: MQTTReasonCode
    package var properties: MQTTProperties

    package init(packetID: UInt16, reasonCode: MQTTReasonCode = .success, properties: MQTTProperties = []) {
        self.packetID = packetID
        self.reasonCode = reasonCode
        self.properties = properties
    }
}

extension PublishAck: MQTTPacketBody {
    /// MQTT 5 lets the reason code be left out when it is 0, and the property length when there is nothing behind it.
    init(from body: inout ByteBuffer, type: MQTTPacketType, version: MQTTVersion) throws(MQTTCodecError) {
        packetID = try body.readPacketID()
        let isLong = version == .v5 && body.readableBytes > 0
        reasonCode = isLong ? try body.readReasonCode(for: type) : .success
        properties = isLong && body.readableBytes > 0 ? try MQTTProperties(from: &body, in: .publishAck) : []
    }

    package func bodyLength(version: MQTTVersion) -> Int {
        if version < .v5 { return 2 }
        if !properties.isEmpty { return 3 + properties.encodedLength }
        return reasonCode == .success ? 2 : 3
    }

    package func writeBody(into buffer: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        buffer.writeInteger(packetID)
        guard version == .v5, reasonCode != .success || !properties.isEmpty else { return }
        buffer.writeInteger(reasonCode.rawValue)
        if !properties.isEmpty { try properties.write(into: &buffer) }
    }
}
