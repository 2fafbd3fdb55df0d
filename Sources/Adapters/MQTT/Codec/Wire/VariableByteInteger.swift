import NIOCore

/// The variable byte integer of the standards (MQTT 5, section 1.5.5): seven bits a byte, least significant first.
enum VariableByteInteger {
    /// The largest value that four bytes hold.
    static let maximum = 268_435_455

    /// How many bytes the value takes.
    static func length(of value: Int) -> Int {
        switch value {
        case ..<128: 1
        case ..<16_384: 2
        case ..<2_097_152: 3
        default: 4
        }
    }

    /// Reads without consuming; `nil` when the bytes end before the integer does.
    static func peek(
        in buffer: ByteBuffer,
        at index: Int
    ) throws(MQTTCodecError) -> (value: Int, length: Int)? {
        var value = 0
        for position in 0..<4 {
            guard let byte = buffer.getInteger(at: index + position, as: UInt8.self) else { return nil }
            value |= Int(byte & 0x7F) << (7 * position)
            if byte & 0x80 == 0 { return (value, position + 1) }
        }
        throw .remainingLengthTooLong
    }
}

extension ByteBuffer {
    /// Reads a variable byte integer inside a packet [MQTT-1.5.5-1].
    mutating func readVariableByteInteger() throws(MQTTCodecError) -> Int {
        guard let result = try? VariableByteInteger.peek(in: self, at: readerIndex) else {
            throw readableBytes < 4 ? .truncatedField : .malformedVariableByteInteger
        }
        guard result.length == VariableByteInteger.length(of: result.value) else { throw .malformedVariableByteInteger }
        moveReaderIndex(forwardBy: result.length)
        return result.value
    }

    /// Writes a value that the caller knows to be within 0…268,435,455.
    mutating func writeVariableByteInteger(_ value: Int) {
        var rest = value
        repeat {
            let byte = UInt8(truncatingIfNeeded: rest & 0x7F)
            rest >>= 7
            writeInteger(rest > 0 ? byte | 0x80 : byte)
        } while rest > 0
    }
}
