package import NIOCore

/// AUTH (section 3.15): enhanced authentication, MQTT 5 only.
package struct Auth: Equatable, Sendable {
    package var reasonCode: MQTTReasonCode
    package var properties: MQTTProperties

    package init(reasonCode: MQTTReasonCode = .success, properties: MQTTProperties = []) {
        self.reasonCode = reasonCode
        self.properties = properties
    }
}

extension Auth: MQTTPacketBody {
    /// Both fields may be left out when the reason code is 0 and there are no properties.
    init(from body: inout ByteBuffer) throws(MQTTCodecError) {
        let isLong = body.readableBytes > 0
        reasonCode = isLong ? try body.readReasonCode(for: .auth) : .success
        properties = isLong && body.readableBytes > 0 ? try MQTTProperties(from: &body, in: .auth) : []
        guard properties.authenticationData == nil || properties.authenticationMethod != nil else {
            throw .authenticationDataWithoutMethod
        }
    }

    package func bodyLength(version _: MQTTVersion) -> Int {
        reasonCode == .success && properties.isEmpty ? 0 : 1 + properties.encodedLength
    }

    package func writeBody(into buffer: inout ByteBuffer, version _: MQTTVersion) throws(MQTTCodecError) {
        guard reasonCode != .success || !properties.isEmpty else { return }
        buffer.writeInteger(reasonCode.rawValue)
        try properties.write(into: &buffer)
    }
}
