import NIOCore

/// Writes into room that is known to be enough. A buffer looks after its storage with every field; this doesn't.
struct PacketWriter {
    private let room: UnsafeMutableRawBufferPointer
    /// Bytes written.
    private(set) var count = 0

    /// - Parameter room: as many bytes as will be written, or more.
    init(_ room: UnsafeMutableRawBufferPointer) { self.room = room }

    mutating func write(_ byte: UInt8) {
        room[count] = byte
        count += 1
    }

    mutating func write(_ value: UInt16) {
        write(UInt8(truncatingIfNeeded: value >> 8))
        write(UInt8(truncatingIfNeeded: value))
    }

    /// Writes a value within 0…268,435,455 (MQTT 5, section 1.5.5).
    mutating func write(variable value: Int) {
        var rest = value
        while rest >= 0x80 {
            write(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        write(UInt8(truncatingIfNeeded: rest))
    }

    mutating func write(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: room[count..<count + bytes.count]).copyMemory(from: bytes)
        }
        count += bytes.readableBytes
    }
}
