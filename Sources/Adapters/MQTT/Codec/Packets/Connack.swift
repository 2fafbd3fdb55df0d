package import NIOCore

/// CONNACK (section 3.2): the answer to CONNECT.
package struct Connack: Equatable, Sendable {
    package var sessionPresent: Bool
    /// Sent as `returnCode` before MQTT 5.
    package var reasonCode: MQTTReasonCode
    package var properties: MQTTProperties

    package init(reasonCode: MQTTReasonCode, sessionPresent: Bool = false, properties: MQTTProperties = []) {
        self.reasonCode = reasonCode
        self.sessionPresent = sessionPresent
        self.properties = properties
    }

    /// The return code of MQTT 3.1 and 3.1.1 that says the same, 0…5.
    package var returnCode: UInt8 {
        switch reasonCode {
        case .success: 0
        case .unsupportedProtocolVersion: 1
        case .clientIdentifierNotValid: 2
        case .badUserNameOrPassword: 4
        case .notAuthorized, .banned, .badAuthenticationMethod: 5
        default: 3
        }
    }

    private static func reasonCode(returnCode: UInt8) throws(MQTTCodecError) -> MQTTReasonCode {
        switch returnCode {
        case 0: return .success
        case 1: return .unsupportedProtocolVersion
        case 2: return .clientIdentifierNotValid
        case 3: return .serverUnavailable
        case 4: return .badUserNameOrPassword
        case 5: return .notAuthorized
        default: throw .invalidReasonCode(.connack)
        }
    }
}

extension Connack: MQTTPacketBody {
    init(from body: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        let flags = try body.readField(as: UInt8.self)
        // MQTT 3.1 has no session present flag: the byte is reserved, without a rule about its value.
        guard flags & 0xFE == 0 || version == .v3_1 else { throw .invalidConnackFlags }
        sessionPresent = flags & 1 == 1 && version != .v3_1
        if version == .v5 {
            reasonCode = try body.readReasonCode(for: .connack)
            properties = try MQTTProperties(from: &body, in: .connack)
        } else {
            reasonCode = try Self.reasonCode(returnCode: try body.readField())
            properties = []
        }
        guard !sessionPresent || reasonCode == .success else { throw .invalidConnackFlags }
    }

    package func bodyLength(version: MQTTVersion) -> Int { version == .v5 ? 2 + properties.encodedLength : 2 }

    package func writeBody(into buffer: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        buffer.writeInteger(sessionPresent && version != .v3_1 ? 1 : 0, as: UInt8.self)
        buffer.writeInteger(version == .v5 ? reasonCode.rawValue : returnCode)
        if version == .v5 { try properties.write(into: &buffer) }
    }
}
