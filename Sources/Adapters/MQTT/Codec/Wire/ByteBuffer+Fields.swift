import NIOCore

// Reading: every field is checked against the end of the packet.
extension ByteBuffer {
    mutating func readField<Value: FixedWidthInteger>(as type: Value.Type = Value.self) throws(MQTTCodecError) -> Value
    {
        guard let value = readInteger(as: type) else { throw .truncatedField }
        return value
    }

    /// A packet identifier, which is never 0 [MQTT-2.2.1-3].
    mutating func readPacketID() throws(MQTTCodecError) -> UInt16 {
        let id = try readField(as: UInt16.self)
        guard id != 0 else { throw .zeroPacketID }
        return id
    }

    /// Length-prefixed bytes as a slice of this buffer's storage.
    mutating func readBinarySlice() throws(MQTTCodecError) -> ByteBuffer {
        let length = try readField(as: UInt16.self)
        guard let slice = readSlice(length: Int(length)) else { throw .truncatedField }
        return slice
    }

    /// Length-prefixed bytes in storage of their own, for what outlives the packet.
    mutating func readBinaryCopy() throws(MQTTCodecError) -> ByteBuffer {
        ByteBuffer(bytes: try readBinarySlice().readableBytesView)
    }

    /// A length-prefixed string: well-formed UTF-8 without U+0000 [MQTT-1.5.4-1], [MQTT-1.5.4-2].
    mutating func readMQTTString() throws(MQTTCodecError) -> String {
        try readBinarySlice().validatedMQTTString()
    }

    /// The readable bytes as a string, if the standards allow them in one.
    func validatedMQTTString() throws(MQTTCodecError) -> String {
        let view = readableBytesView
        guard let string = String(validating: view, as: UTF8.self) else { throw .malformedString }
        guard !view.contains(0) else { throw .nullCharacter }
        return string
    }

    mutating func readReasonCode(for type: MQTTPacketType) throws(MQTTCodecError) -> MQTTReasonCode {
        let byte = try readField(as: UInt8.self)
        guard let code = MQTTReasonCode(rawValue: byte), code.isValid(in: type) else { throw .invalidReasonCode(type) }
        return code
    }

    /// The rest of the packet as one reason code a byte.
    mutating func readReasonCodes(for type: MQTTPacketType) throws(MQTTCodecError) -> [MQTTReasonCode] {
        guard readableBytes > 0 else { throw .emptyList(type) }
        var codes: [MQTTReasonCode] = []
        codes.reserveCapacity(readableBytes)
        while readableBytes > 0 { codes.append(try readReasonCode(for: type)) }
        return codes
    }
}

// Writing.
extension ByteBuffer {
    mutating func writeMQTTString(_ string: String) throws(MQTTCodecError) {
        guard let length = UInt16(exactly: string.utf8.count) else { throw .fieldTooLong }
        writeInteger(length)
        writeString(string)
    }

    mutating func writeMQTTBinary(_ bytes: ByteBuffer) throws(MQTTCodecError) {
        guard let length = UInt16(exactly: bytes.readableBytes) else { throw .fieldTooLong }
        writeInteger(length)
        writeImmutableBuffer(bytes)
    }
}
