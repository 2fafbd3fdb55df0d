import NIOCore
import NIOHTTP1
import NIOWebSocket
import Testing

@testable import AdapterTransport
@testable import WSAdapter

@Suite struct WebSocketFramesTests {
    @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
    func aFrameIsReadAsItWasWritten(size: Int) throws {
        let payload = ByteBuffer(repeating: 0xA5, count: size)
        var stream = ByteBuffer()
        WebSocketFrames.append(.binary, payload, to: &stream)
        WebSocketFrames.append(.text, payload, to: &stream)
        #expect(stream.readableBytes <= 2 * (size + WebSocketFrames.maximumHeader))

        let frames = FrameReader.read(Array(stream.readableBytesView))
        #expect(frames.map(\.opcode) == [.binary, .text])
        #expect(frames.allSatisfy { $0.fin && $0.maskKey == nil && !$0.rsv1 && !$0.rsv2 && !$0.rsv3 })
        #expect(frames.allSatisfy { $0.data == payload })
    }

    @Test func aCloseFrameHasACodeOrNone() {
        var stream = ByteBuffer()
        WebSocketFrames.appendClose(.policyViolation, to: &stream)
        WebSocketFrames.appendClose(nil, to: &stream)

        #expect(Array(stream.readableBytesView) == [0x88, 2, 3, 0xF0, 0x88, 0])
    }
}

@Suite struct WebSocketHandshakeTests {
    private func head(_ changes: [(String, String?)] = [], method: HTTPMethod = .GET) -> HTTPRequestHead {
        var headers: HTTPHeaders = [
            "Host": "a", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        ]
        for (name, value) in changes {
            headers.remove(name: name)
            if let value { headers.add(name: name, value: value) }
        }
        return HTTPRequestHead(version: .http1_1, method: method, uri: "/", headers: headers)
    }

    /// The example of RFC 6455 section 1.3.
    @Test func theExampleOfTheStandardIsAccepted() {
        #expect(WebSocketHandshake.refusal(head()) == nil)
        let headers = WebSocketHandshake.acceptance(head())
        #expect(headers.map(\.0) == ["Upgrade", "Connection", "Sec-WebSocket-Accept"])
        #expect(headers.map(\.1) == ["websocket", "Upgrade", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="])
    }

    @Test(arguments: [
        ("Upgrade", "WebSocket"), ("Upgrade", "h2c, websocket"), ("Connection", "keep-alive, Upgrade"),
        ("Connection", "upgrade , keep-alive"), ("Connection", "\tUPGRADE\t"),
    ])
    func namesAreReadInListsAndInAnyLetterCase(name: String, value: String) {
        #expect(WebSocketHandshake.refusal(head([(name, value)])) == nil)
    }

    @Test(arguments: [
        ("Upgrade", String?.none, 400), ("Upgrade", "websocket2", 400), ("Upgrade", "h2c", 400),
        ("Connection", nil, 400),
        ("Connection", "keep-alive", 400), ("Connection", "upgraded", 400), ("Sec-WebSocket-Version", nil, 426),
        ("Sec-WebSocket-Version", "8", 426), ("Sec-WebSocket-Version", "13, 8", 426),
        ("Sec-WebSocket-Version", "", 426),
        ("Sec-WebSocket-Key", nil, 400), ("Sec-WebSocket-Key", "", 400), ("Sec-WebSocket-Key", "dGhl", 400),
        ("Sec-WebSocket-Key", "not base 64, not base 64", 400), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ", 400),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZXQ=", 400),
    ])
    func isRefused(name: String, value: String?, status: Int) {
        let answer = WebSocketHandshake.refusal(head([(name, value)]))

        #expect(answer?.status.code == UInt(status))
        #expect(answer?.headers["Sec-WebSocket-Version"] == (status == 426 ? "13" : nil))
    }

    @Test func twoKeysAreRefused() {
        var twice = head()
        twice.headers.add(name: "Sec-WebSocket-Key", value: "dGhlIHNhbXBsZSBub25jZQ==")

        #expect(WebSocketHandshake.refusal(twice)?.status == .badRequest)
    }

    @Test func onlyGETOpensAWebSocket() {
        #expect(WebSocketHandshake.refusal(head(method: .POST))?.status == .badRequest)
    }

    @Test(arguments: [("mqtt", true), ("mqttv3.1, mqtt", true), ("mqtt5", false), ("", false), ("MQTT", true)])
    func aSubprotocolIsFoundInTheOffer(offer: String, isOffered: Bool) {
        #expect(WebSocketHandshake.offers("mqtt", head([("Sec-WebSocket-Protocol", offer)])) == isOffered)
    }

    @Test func theChosenSubprotocolIsNamed() {
        let headers = WebSocketHandshake.acceptance(head(), subprotocol: "mqtt")

        #expect(headers.last.map { [$0.0, $0.1] } == ["Sec-WebSocket-Protocol", "mqtt"])
    }
}

@Suite struct HandshakeQueryTests {
    @Test(
        arguments: [
            ("/a", [], String?.none), ("/a?", [], nil), ("/a?x=y", [], nil), ("/a?authorization=k", ["k"], nil),
            ("/a?authorization=", [""], nil), ("/a?authorization", [""], nil), ("/a?authorization=a=b", ["a=b"], nil),
            ("/a?authorization=a,b", ["a,b"], nil), ("/a?authorization=1&authorization=2", ["1", "2"], nil),
            ("/a?content-type=application/senml+json&authorization=k", ["k"], "application/senml+json"),
            ("/a?content-type=application%2Fsenml%2Bcbor", [], "application/senml+cbor"),
            ("/a?authorizatio%6E=k", ["k"], nil),
            ("/a?Authorization=k", [], nil), ("/a?&&=&", [], nil), ("/a?b?authorization=k", [], nil),
        ] as [(String, [String], String?)]
    )
    func findsTheKeysAndTheContentType(target: String, keys: [String], type: String?) throws {
        let query = try #require(HandshakeQuery(target: target))

        #expect(query.authorizations == keys)
        #expect(query.contentType == type)
    }

    @Test(arguments: ["/a?authorization=%zz", "/a?%", "/a?x=%FF", "/a?authorization=%C3"])
    func aQueryThatCannotBeDecodedIsNone(target: String) {
        #expect(HandshakeQuery(target: target) == nil)
    }
}
