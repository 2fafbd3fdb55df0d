package import NIOCore

/// Every control packet of the three versions.
package enum MQTTPacket: Equatable, Sendable {
    // Large and once a connection: boxed, so that it doesn't widen the packets of the hot path.
    indirect case connect(Connect)
    case connack(Connack)
    case publish(Publish)
    case puback(PublishAck)
    case pubrec(PublishAck)
    case pubrel(PublishAck)
    case pubcomp(PublishAck)
    case subscribe(Subscribe)
    case suback(Suback)
    case unsubscribe(Unsubscribe)
    case unsuback(Unsuback)
    case pingreq
    case pingresp
    case disconnect(Disconnect)
    case auth(Auth)

    package var type: MQTTPacketType {
        switch self {
        case .connect: .connect
        case .connack: .connack
        case .publish: .publish
        case .puback: .puback
        case .pubrec: .pubrec
        case .pubrel: .pubrel
        case .pubcomp: .pubcomp
        case .subscribe: .subscribe
        case .suback: .suback
        case .unsubscribe: .unsubscribe
        case .unsuback: .unsuback
        case .pingreq: .pingreq
        case .pingresp: .pingresp
        case .disconnect: .disconnect
        case .auth: .auth
        }
    }
}

// What answers, and DISCONNECT, have beside their codes (MQTT 5, section 4.13).
extension MQTTPacket {
    /// The first failure that it reports.
    package var failure: MQTTReasonCode? {
        switch self {
        case .connack(let packet): packet.reasonCode.isFailure ? packet.reasonCode : nil
        case .disconnect(let packet): packet.reasonCode.isFailure ? packet.reasonCode : nil
        case .puback(let ack), .pubrec(let ack), .pubrel(let ack), .pubcomp(let ack):
            ack.reasonCode.isFailure ? ack.reasonCode : nil
        case .suback(let packet): packet.reasonCodes.first(where: \.isFailure)
        case .unsuback(let packet): packet.reasonCodes.first(where: \.isFailure)
        case .connect, .publish, .subscribe, .unsubscribe, .pingreq, .pingresp, .auth: nil
        }
    }

    /// The packet with its Reason String replaced; one of a kind that has none as it is.
    package func with(reason: String?) -> MQTTPacket {
        func changed(_ properties: inout MQTTProperties) {
            properties.remove(.reasonString)
            if let reason { properties.append(.reasonString(reason)) }
        }
        func changed(_ ack: PublishAck) -> PublishAck {
            var ack = ack
            changed(&ack.properties)
            return ack
        }
        switch self {
        case .connack(var packet):
            changed(&packet.properties)
            return .connack(packet)
        case .disconnect(var packet):
            changed(&packet.properties)
            return .disconnect(packet)
        case .suback(var packet):
            changed(&packet.properties)
            return .suback(packet)
        case .unsuback(var packet):
            changed(&packet.properties)
            return .unsuback(packet)
        case .puback(let ack): return .puback(changed(ack))
        case .pubrec(let ack): return .pubrec(changed(ack))
        case .pubrel(let ack): return .pubrel(changed(ack))
        case .pubcomp(let ack): return .pubcomp(changed(ack))
        case .connect, .publish, .subscribe, .unsubscribe, .pingreq, .pingresp, .auth: return self
        }
    }
}

extension MQTTPacket {
    /// Appends the packet to the buffer; on an error nothing was appended. CONNECT is written in its own version.
    package func encode(into buffer: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        switch self {
        case .publish(let publish):
            try Publish.encode(
                topic: publish.topic,
                payload: publish.payload,
                qos: publish.qos,
                dup: publish.dup,
                retain: publish.retain,
                packetID: publish.packetID,
                version: version,
                properties: publish.properties,
                into: &buffer
            )
        case .connect(let body): try write(body, into: &buffer, version: version)
        case .connack(let body): try write(body, into: &buffer, version: version)
        case .puback(let body), .pubrec(let body), .pubrel(let body), .pubcomp(let body):
            try write(body, into: &buffer, version: version)
        case .subscribe(let body): try write(body, into: &buffer, version: version)
        case .suback(let body): try write(body, into: &buffer, version: version)
        case .unsubscribe(let body): try write(body, into: &buffer, version: version)
        case .unsuback(let body): try write(body, into: &buffer, version: version)
        case .pingreq, .pingresp:
            buffer.writeInteger(type.firstByte)
            buffer.writeInteger(0, as: UInt8.self)
        case .disconnect(let body): try write(body, into: &buffer, version: version)
        case .auth(let body): try write(body, into: &buffer, version: version)
        }
    }

    private func write<Body: MQTTPacketBody>(
        _ body: Body,
        into buffer: inout ByteBuffer,
        version: MQTTVersion
    ) throws(MQTTCodecError) {
        try body.write(firstByte: type.firstByte, into: &buffer, version: version)
    }

    /// Bytes of the packet on the wire.
    package func encodedLength(version: MQTTVersion) -> Int {
        switch self {
        case .publish(let publish):
            Publish.encodedLength(
                topicLength: publish.topic.readableBytes,
                payloadLength: publish.payload.readableBytes,
                qos: publish.qos,
                version: version,
                properties: publish.properties
            )
        case .connect(let body): body.packetLength(version: version)
        case .connack(let body): body.packetLength(version: version)
        case .puback(let body), .pubrec(let body), .pubrel(let body), .pubcomp(let body):
            body.packetLength(version: version)
        case .subscribe(let body): body.packetLength(version: version)
        case .suback(let body): body.packetLength(version: version)
        case .unsubscribe(let body): body.packetLength(version: version)
        case .unsuback(let body): body.packetLength(version: version)
        case .pingreq, .pingresp: 2
        case .disconnect(let body): body.packetLength(version: version)
        case .auth(let body): body.packetLength(version: version)
        }
    }
}

extension MQTTPacket {
    /// Reads the body of the packet types that any version of the protocol may carry once it is agreed.
    init(
        _ header: FixedHeader,
        from body: inout ByteBuffer,
        version: MQTTVersion,
        role: MQTTRole
    ) throws(MQTTCodecError) {
        switch header.type {
        // The decoder reads CONNECT itself, because it agrees the version.
        case .connect: throw .unexpectedPacket(.connect)
        case .connack: self = .connack(try Connack(from: &body, version: version))
        case .publish:
            self = .publish(try Publish(from: &body, flags: header.flags, version: version, role: role))
        case .puback: self = .puback(try PublishAck(from: &body, type: .puback, version: version))
        case .pubrec: self = .pubrec(try PublishAck(from: &body, type: .pubrec, version: version))
        case .pubrel: self = .pubrel(try PublishAck(from: &body, type: .pubrel, version: version))
        case .pubcomp: self = .pubcomp(try PublishAck(from: &body, type: .pubcomp, version: version))
        case .subscribe: self = .subscribe(try Subscribe(from: &body, version: version))
        case .suback: self = .suback(try Suback(from: &body, version: version))
        case .unsubscribe: self = .unsubscribe(try Unsubscribe(from: &body, version: version))
        case .unsuback: self = .unsuback(try Unsuback(from: &body, version: version))
        case .pingreq: self = .pingreq
        case .pingresp: self = .pingresp
        case .disconnect: self = .disconnect(try Disconnect(from: &body, version: version, role: role))
        case .auth: self = .auth(try Auth(from: &body))
        }
    }
}
