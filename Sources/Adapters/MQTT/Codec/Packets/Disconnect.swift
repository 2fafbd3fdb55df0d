package import NIOCore

/// DISCONNECT (section 3.14): from a client, in MQTT 5 from either end.
package struct Disconnect: Equatable, Sendable {
    /// MQTT 5 only.
    package var reasonCode: MQTTReasonCode
    package var properties: MQTTProperties

    package init(reasonCode: MQTTReasonCode = .success, properties: MQTTProperties = []) {
        self.reasonCode = reasonCode
        self.properties = properties
    }
}

extension Disconnect: MQTTPacketBody {
    /// MQTT 5 lets reason code 0 be left out, and the property length when there is nothing behind it.
    init(from body: inout ByteBuffer, version: MQTTVersion, role: MQTTRole) throws(MQTTCodecError) {
        let isLong = version == .v5 && body.readableBytes > 0
        reasonCode = isLong ? try body.readReasonCode(for: .disconnect) : .success
        properties = isLong && body.readableBytes > 0 ? try MQTTProperties(from: &body, in: .disconnect) : []
        // A server must not change the session expiry [MQTT-3.14.2-2].
        guard role == .server || properties.sessionExpiryInterval == nil else {
            throw .propertyNotAllowed(.sessionExpiryInterval)
        }
    }

    package func bodyLength(version: MQTTVersion) -> Int {
        if version < .v5 { return 0 }
        if !properties.isEmpty { return 1 + properties.encodedLength }
        return reasonCode == .success ? 0 : 1
    }

    package func writeBody(into buffer: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        guard version == .v5, reasonCode != .success || !properties.isEmpty else { return }
        buffer.writeInteger(reasonCode.rawValue)
        if !properties.isEmpty { try properties.write(into: &buffer) }
    }
}
