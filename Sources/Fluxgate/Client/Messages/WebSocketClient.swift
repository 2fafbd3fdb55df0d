package import Messaging
package import NIOCore
internal import NIOWebSocket

/// Sends and receives over a WebSocket (RFC 6455).
package struct WebSocketClient: Sendable {
    /// Longest message that is taken, whole.
    static let maximumMessage = 16 * 1_048_576

    private let target: MessageTarget

    package init(_ target: MessageTarget) {
        self.target = target
    }

    /// Sends one message and closes. There is no receipt on a WebSocket, but the close frame is answered in its turn: after
    /// the message was taken, or with the reason why it wasn't.
    package func send(_ message: OutgoingMessage) async throws {
        let action = "Sending"
        let opcode: WebSocketOpcode = message.isText ? .text : .binary
        try await connected(target.path(message.subtopic), contentType: message.contentType, action) { frames, writer in
            try await writer.write(.masked(opcode, message.payload))
            try await writer.write(.close())
            for try await frame in frames {
                switch frame.opcode {
                case .ping: try await writer.write(.masked(.pong, frame.unmaskedData))
                case .connectionClose:
                    let (code, reason) = frame.closing
                    // Ours comes back with the code that we sent.
                    guard code == 1000 else { throw ClientFailure(action, closeCode: code, reason: reason) }
                    return
                default: continue
                }
            }
            throw ClientFailure(.unavailable, "\(action): the connection was lost before the message was confirmed.")
        }
    }

    /// Receives until `received` says that it was the last message.
    package func watch(
        _ filter: SubtopicFilter,
        standing: @Sendable () -> Void,
        received: @Sendable (ByteBuffer) throws -> Bool
    ) async throws {
        let action = "Watching"
        try await connected(target.path(filter), contentType: "", action) { frames, writer in
            standing()
            for try await frame in frames {
                switch frame.opcode {
                case .text, .binary:
                    if try !received(frame.unmaskedData) { return try await writer.write(.close()) }
                case .ping: try await writer.write(.masked(.pong, frame.unmaskedData))
                case .connectionClose:
                    let (code, reason) = frame.closing
                    try? await writer.write(.close(code))
                    throw ClientFailure(action, closeCode: code, reason: reason)
                default: continue
                }
            }
            throw ClientFailure(.unavailable, "\(action): the connection was lost.")
        }
    }

    private func connected(
        _ path: String,
        contentType: String,
        _ action: String,
        _ body: (NIOAsyncChannelInboundStream<WebSocketFrame>, NIOAsyncChannelOutboundWriter<WebSocketFrame>)
            async throws
            -> Void
    ) async throws {
        do {
            switch try await WebSocketOpening(target, path: path, contentType: contentType).open() {
            case .open(let channel): try await channel.executeThenClose { try await body($0, $1) }
            case .refused(let channel): throw try await WebSocketOpening.refusal(channel, action)
            }
        } catch {
            try Task.checkCancellation()
            if error is NIOWebSocketError || error is NIOWebSocketFrameAggregator.Error {
                throw ClientFailure(.protocolError, "\(action): \(target.address) sent a frame that is none.")
            }
            throw ClientFailure(action, at: target.address, error)
        }
    }
}

extension OutgoingMessage {
    /// Whether it goes into a text frame, as the adapter would send it.
    fileprivate var isText: Bool {
        contentType != "application/senml+cbor" && String(validating: payload.readableBytesView, as: UTF8.self) != nil
    }
}

extension WebSocketFrame {
    /// A whole message as a client sends it (RFC 6455 section 5.3).
    fileprivate static func masked(_ opcode: WebSocketOpcode, _ data: ByteBuffer) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
    }

    fileprivate static func close(_ code: UInt16 = 1000) -> WebSocketFrame {
        // 1005 and 1006 stand for what was not said, and must not be sent.
        let data = code == 1005 || code == 1006 ? ByteBuffer() : ByteBuffer(integer: code)
        return masked(.connectionClose, data)
    }

    /// Code and reason of a close frame.
    fileprivate var closing: (code: UInt16, reason: String) {
        var data = unmaskedData
        let code = data.readInteger(as: UInt16.self) ?? 1005
        return (code, String(buffer: data))
    }
}
