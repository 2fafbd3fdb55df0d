package import NIOCore
package import NIOWebSocket

/// Puts the frames of one peer together to messages and answers its control frames (RFC 6455 sections 5 and 7).
///
/// open → closing (we or the peer have sent Close) → closed. A pure value: frames in, one action out.
package struct WebSocketAssembler {
    package enum Action: Equatable {
        case none
        case text(ByteBuffer)
        case binary(ByteBuffer)
        case pong(ByteBuffer)
        /// The peer says goodbye: answer with the same code, then close the connection.
        case goodbye(WebSocketCloseCode?)
        /// The peer broke the rules: say so with the code, then close the connection.
        case fail(WebSocketCloseCode)
    }

    private enum Kind {
        case text, binary
    }

    private let maximumSize: Int
    private var partial: (kind: Kind, bytes: ByteBuffer)?
    private var isOpen = true

    /// - Parameter maximumSize: most bytes of one message, all its fragments together.
    package init(maximumSize: Int) {
        self.maximumSize = maximumSize
    }

    package mutating func received(_ frame: WebSocketFrame) -> Action {
        guard isOpen else { return .none }
        // A client's frames must be masked (section 5.1); no extension has been agreed on (section 5.2).
        guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return fail(.protocolError) }
        switch frame.opcode {
        case .text: return begin(.text, frame)
        case .binary: return begin(.binary, frame)
        case .continuation: return goOn(frame)
        case .ping: return control(frame) { .pong(frame.unmaskedData) }
        case .pong: return control(frame) { .none }
        case .connectionClose: return close(frame)
        default: return fail(.protocolError)
        }
    }

    private mutating func begin(_ kind: Kind, _ frame: WebSocketFrame) -> Action {
        guard partial == nil else { return fail(.protocolError) }
        guard frame.length <= maximumSize else { return fail(.messageTooLarge) }
        if frame.fin { return complete(kind, frame.unmaskedData) }
        partial = (kind, frame.unmaskedData)
        return .none
    }

    private mutating func goOn(_ frame: WebSocketFrame) -> Action {
        guard let kind = partial?.kind, var bytes = partial?.bytes else { return fail(.protocolError) }
        partial = nil
        guard bytes.readableBytes + frame.length <= maximumSize else { return fail(.messageTooLarge) }
        bytes.writeImmutableBuffer(frame.unmaskedData)
        if frame.fin { return complete(kind, bytes) }
        partial = (kind, bytes)
        return .none
    }

    private mutating func complete(_ kind: Kind, _ bytes: ByteBuffer) -> Action {
        switch kind {
        case .binary: return .binary(bytes)
        case .text:
            // Section 8.1.
            guard bytes.readableBytesView.isUTF8 else { return fail(.dataInconsistentWithMessage) }
            return .text(bytes)
        }
    }

    /// Control frames are whole and short (section 5.5).
    private mutating func control(_ frame: WebSocketFrame, _ action: () -> Action) -> Action {
        guard frame.fin, frame.length <= 125 else { return fail(.protocolError) }
        return action()
    }

    private mutating func close(_ frame: WebSocketFrame) -> Action {
        guard frame.fin, frame.length <= 125, frame.length != 1 else { return fail(.protocolError) }
        var data = frame.unmaskedData
        guard let number = data.readInteger(as: UInt16.self) else {
            isOpen = false
            return .goodbye(nil)
        }
        guard Self.mayBeSent(number) else { return fail(.protocolError) }
        guard data.readableBytesView.isUTF8 else { return fail(.dataInconsistentWithMessage) }
        isOpen = false
        return .goodbye(WebSocketErrorCode(codeNumber: Int(number)))
    }

    private mutating func fail(_ code: WebSocketCloseCode) -> Action {
        isOpen = false
        partial = nil
        return .fail(code)
    }

    /// Section 7.4: reserved codes never stand in a frame.
    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

package typealias WebSocketCloseCode = WebSocketErrorCode
