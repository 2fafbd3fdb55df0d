package import NIOCore

/// Takes packets off the front of a byte stream.
///
/// What the first byte and the remaining length give away is refused before the body is there. After an error the
/// stream has no meaning any more: the caller answers and closes.
package struct MQTTDecoder: Sendable {
    /// The longest packet accepted, header included. Smaller before login than after it.
    package var maximumPacketSize: Int
    /// The end that reads.
    package let role: MQTTRole
    /// The version in use: a server learns it from CONNECT, as soon as its level is read, a client says it.
    package private(set) var version: MQTTVersion?

    /// Reads at a server.
    package init(maximumPacketSize: Int) {
        self.maximumPacketSize = maximumPacketSize
        role = .server
    }

    /// Reads at a client that sent a CONNECT of this version.
    package init(maximumPacketSize: Int, clientVersion: MQTTVersion) {
        self.maximumPacketSize = maximumPacketSize
        role = .client
        version = clientVersion
    }

    /// The next packet, `nil` when its last byte has not come yet.
    ///
    /// Nothing is consumed but whole packets. PUBLISH and its properties of bytes share the buffer's storage.
    package mutating func next(in buffer: inout ByteBuffer) throws(MQTTCodecError) -> MQTTPacket? {
        guard let header = try header(of: buffer) else { return nil }
        guard header.packetSize <= maximumPacketSize else {
            throw .packetTooLarge(size: header.packetSize, limit: maximumPacketSize)
        }
        guard buffer.readableBytes >= header.packetSize else { return nil }
        buffer.moveReaderIndex(forwardBy: header.length)
        guard var body = buffer.readSlice(length: header.remainingLength) else { return nil }
        let packet = try decode(header, from: &body)
        guard body.readableBytes == 0 else { throw .trailingBytes }
        return packet
    }

    private func header(of buffer: ByteBuffer) throws(MQTTCodecError) -> FixedHeader? {
        guard let byte = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return nil }
        guard let type = MQTTPacketType(rawValue: byte >> 4), type != .auth || version == nil || version == .v5 else {
            throw .reservedPacketType
        }
        try checkTurn(of: type)
        let flags = byte & 0x0F
        guard type.accepts(flags: flags, version: version) else { throw .reservedFlags(type) }
        guard let remaining = try VariableByteInteger.peek(in: buffer, at: buffer.readerIndex + 1) else { return nil }
        let header = FixedHeader(
            type: type,
            flags: flags,
            length: 1 + remaining.length,
            remainingLength: remaining.value
        )
        guard version != .v5 || header.isMinimal else { throw .malformedVariableByteInteger }
        return header
    }

    /// CONNECT comes first and once [MQTT-3.1.0-1], [MQTT-3.1.0-2]; the rest only from the end that may send it.
    private func checkTurn(of type: MQTTPacketType) throws(MQTTCodecError) {
        guard type.mayArrive(at: role, version: version) else { throw .unexpectedPacket(type) }
        if version == nil {
            guard type == .connect else { throw .connectExpected }
        } else {
            guard type != .connect else { throw .secondConnect }
        }
    }

    private mutating func decode(
        _ header: FixedHeader,
        from body: inout ByteBuffer
    ) throws(MQTTCodecError) -> MQTTPacket {
        if let version { return try MQTTPacket(header, from: &body, version: version, role: role) }
        let connect = try Connect(from: &body, version: &version)
        guard connect.version != .v5 || header.isMinimal else { throw .malformedVariableByteInteger }
        return .connect(connect)
    }
}
