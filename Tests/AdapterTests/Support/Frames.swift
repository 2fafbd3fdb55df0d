import NIOCore
import NIOWebSocket

/// Frames as a client writes them.
enum ClientFrame {
    static let mask: WebSocketMaskingKey = [0x37, 0xFA, 0x21, 0x3D]

    /// The bytes of a masked frame.
    static func bytes(
        _ opcode: WebSocketOpcode,
        _ payload: [UInt8] = [],
        fin: Bool = true,
        rsv1: Bool = false,
        isMasked: Bool = true
    ) -> [UInt8] {
        var head = [UInt8(webSocketOpcode: opcode) | (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0)]
        let bit: UInt8 = isMasked ? 0x80 : 0
        switch payload.count {
        case 0..<126: head.append(bit | UInt8(payload.count))
        case 126...65_535: head += [bit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: head += [bit | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        guard isMasked else { return head + payload }
        return head + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
    }

    static func text(_ text: String, fin: Bool = true) -> [UInt8] { bytes(.text, Array(text.utf8), fin: fin) }

    static func close(_ code: Int?, reason: [UInt8] = []) -> [UInt8] {
        bytes(.connectionClose, (code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } ?? []) + reason)
    }

    /// The same as a decoded frame.
    static func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8] = [], fin: Bool = true) -> WebSocketFrame {
        var data = ByteBuffer(bytes: payload)
        data.webSocketMask(mask)
        return WebSocketFrame(fin: fin, opcode: opcode, maskKey: mask, data: data)
    }
}

/// What a server's frame holds.
struct ServerFrame: Equatable {
    var opcode: WebSocketOpcode
    var payload: [UInt8]

    var text: String { String(decoding: payload, as: UTF8.self) }
    /// The code of a Close frame.
    var code: Int? { payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : nil }

    /// Reads whole, unmasked frames; nil if anything else is there.
    static func read(_ bytes: [UInt8]) -> [ServerFrame]? {
        var frames: [ServerFrame] = []
        var rest = bytes[...]
        while rest.count >= 2 {
            let (first, second) = (rest.removeFirst(), rest.removeFirst())
            guard first & 0xF0 == 0x80, second & 0x80 == 0,
                let opcode = WebSocketOpcode(encodedWebSocketOpcode: first & 0xF)
            else { return nil }
            let lengthBytes = second == 127 ? 8 : second == 126 ? 2 : 0
            guard rest.count >= lengthBytes else { return nil }
            let length = lengthBytes == 0 ? Int(second) : rest.prefix(lengthBytes).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(lengthBytes)
            guard rest.count >= length else { return nil }
            frames.append(ServerFrame(opcode: opcode, payload: Array(rest.prefix(length))))
            rest = rest.dropFirst(length)
        }
        return rest.isEmpty ? frames : nil
    }
}
