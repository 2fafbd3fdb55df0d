internal import AdaptersCore
internal import Crypto
package import NIOHTTP1

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The server's side of the opening handshake (RFC 6455 section 4.2).
package enum WebSocketHandshake {
    private static let magic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// What is wrong with the request as a handshake, or nil if nothing is.
    package static func refusal(_ head: HTTPRequestHead) -> HTTPAnswer? {
        guard head.method == .GET, has(head.headers["upgrade"], "websocket"), has(head.headers["connection"], "upgrade")
        else {
            return HTTPAnswer(.badRequest, .badRequest, "a WebSocket handshake is expected here")
        }
        guard head.headers["sec-websocket-version"] == ["13"] else {
            return HTTPAnswer(.upgradeRequired, .unsupportedVersion, "WebSocket version 13 is required")
                .with("Sec-WebSocket-Version", "13")
        }
        let keys = head.headers["sec-websocket-key"]
        guard keys.count == 1, let key = keys.first, Data(base64Encoded: key)?.count == 16 else {
            return HTTPAnswer(.badRequest, .badRequest, "Sec-WebSocket-Key must be 16 bytes in base 64")
        }
        return nil
    }

    /// The headers of the answer 101. Call only if ``refusal(_:)`` is nil.
    package static func acceptance(_ head: HTTPRequestHead, subprotocol: String? = nil) -> [(String, String)] {
        let key = head.headers.first(name: "sec-websocket-key") ?? ""
        let accept = Data(Insecure.SHA1.hash(data: Data((key + magic).utf8))).base64EncodedString()
        var headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)]
        if let subprotocol { headers.append(("Sec-WebSocket-Protocol", subprotocol)) }
        return headers
    }

    /// Whether the client offers a subprotocol (RFC 6455 section 4.1).
    package static func offers(_ subprotocol: String, _ head: HTTPRequestHead) -> Bool {
        has(head.headers["sec-websocket-protocol"], subprotocol)
    }

    private static func has(_ values: [String], _ token: String) -> Bool {
        values.contains { value in
            value.split(separator: ",").contains { part in
                part.lowercased().trimmingPrefix { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" } == token
            }
        }
    }
}
