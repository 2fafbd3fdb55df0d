package import NIOCore

/// A packet without its fixed header.
package protocol MQTTPacketBody {
    /// Bytes of the body.
    func bodyLength(version: MQTTVersion) -> Int
    /// Writes as many bytes as `bodyLength` says.
    func writeBody(into buffer: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError)
}

extension MQTTPacketBody {
    /// Writes header and body; what was written is taken back when it fails half-way.
    func write(firstByte: UInt8, into buffer: inout ByteBuffer, version: MQTTVersion) throws(MQTTCodecError) {
        let length = bodyLength(version: version)
        guard length <= VariableByteInteger.maximum else { throw .fieldTooLong }
        let start = buffer.writerIndex
        buffer.reserveCapacity(minimumWritableBytes: 5 + length)
        buffer.writeInteger(firstByte)
        buffer.writeVariableByteInteger(length)
        do throws(MQTTCodecError) {
            try writeBody(into: &buffer, version: version)
        } catch {
            buffer.moveWriterIndex(to: start)
            throw error
        }
    }

    /// Bytes of header and body.
    func packetLength(version: MQTTVersion) -> Int {
        let length = bodyLength(version: version)
        return 1 + VariableByteInteger.length(of: length) + length
    }
}
