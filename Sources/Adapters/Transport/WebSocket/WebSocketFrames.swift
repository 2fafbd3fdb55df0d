package import NIOCore
package import NIOWebSocket

/// Writes a server's frames: whole, unmasked (RFC 6455 section 5.2).
package enum WebSocketFrames {
    /// Most bytes that a header takes.
    package static let maximumHeader = 10

    package static func append(_ opcode: WebSocketOpcode, _ payload: ByteBuffer, to buffer: inout ByteBuffer) {
        buffer.writeInteger(0x80 | UInt8(webSocketOpcode: opcode))
        let size = payload.readableBytes
        if size < 126 {
            buffer.writeInteger(UInt8(truncatingIfNeeded: size))
        } else if size <= UInt16.max {
            buffer.writeInteger(UInt8(126))
            buffer.writeInteger(UInt16(truncatingIfNeeded: size))
        } else {
            buffer.writeInteger(UInt8(127))
            buffer.writeInteger(UInt64(size))
        }
        buffer.writeImmutableBuffer(payload)
    }

    /// A Close frame; without a code its body is empty.
    package static func appendClose(_ code: WebSocketErrorCode?, to buffer: inout ByteBuffer) {
        var body = ByteBuffer()
        if let code { body.write(webSocketErrorCode: code) }
        append(.connectionClose, body, to: &buffer)
    }
}
