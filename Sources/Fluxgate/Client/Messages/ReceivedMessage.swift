package import FoundationEssentials
package import NIOCore

/// A message as `watch` prints it.
package struct ReceivedMessage: Sendable {
    package let payload: ByteBuffer
    package let received: Date

    package init(payload: ByteBuffer, received: Date) {
        self.payload = payload
        self.received = received
    }

    /// The payload as it came, and a newline.
    package var raw: ByteBuffer {
        var bytes = payload
        bytes.writeString("\n")
        return bytes
    }

    /// One JSON object and a newline: `{"payload":"…","received":"<RFC 3339>"}`; if the payload is no UTF-8, in base64,
    /// and `"encoding":"base64"` beside it.
    package func json() throws -> ByteBuffer {
        let text = String(validating: payload.readableBytesView, as: UTF8.self)
        let line = Line(
            received: received.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)),
            payload: text ?? Data(payload.readableBytesView).base64EncodedString(),
            encoding: text == nil ? "base64" : nil
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes = ByteBuffer(bytes: try encoder.encode(line))
        bytes.writeString("\n")
        return bytes
    }

    private struct Line: Encodable {
        let received: String
        let payload: String
        let encoding: String?
    }
}
