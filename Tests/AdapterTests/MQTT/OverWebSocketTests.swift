import AdaptersCore
import MQTTCodec
import Model
import NIOCore
import NIOWebSocket
import TestSupport
import Testing

@testable import AdapterTransport
@testable import MQTTAdapter

/// MQTT over WebSocket (MQTT 3.1.1 and 5, section 6).
@Suite struct MQTTOverWebSocketTests {
    private let server = MQTTServer()

    private func connect(_ certificate: ClientCertificate = .notAsked) throws -> HTTPPeer {
        try connect(as: ConnectionPeer(certificate))
    }

    private func connect(as peer: ConnectionPeer) throws -> HTTPPeer {
        try HTTPPeer(
            server.test,
            limits: HTTPLimits(maximumBody: 0, requestTimeout: 10_000, idleTimeout: 1_000_000),
            endpoint: MQTTWebSocketEndpoint(
                component: server.component,
                peer: peer,
                version: "1.2.3"
            )
        )
    }

    private func handshake(_ protocols: String?, path: String = "/mqtt", headers: [String] = []) -> String {
        let lines = [
            "GET \(path) HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        return (lines + headers + (protocols.map { ["Sec-WebSocket-Protocol: \($0)"] } ?? []) + ["", ""]).joined(
            separator: "\r\n"
        )
    }

    private func open() throws -> WSPeer {
        let peer = try connect()
        try peer.send(handshake("mqtt"))
        return WSPeer(peer, isOpen: try peer.responses().first?.status == 101)
    }

    /// The packets of a client, as bytes.
    private func bytes(_ make: (MQTTPeer) throws -> [MQTTPacket]) throws -> [UInt8] {
        let peer = try server.open()
        return try make(peer).flatMap { Array(try peer.bytes($0).readableBytesView) }
    }

    @Test(arguments: [("mqtt", "mqtt"), ("x, mqtt", "mqtt"), ("mqttv3.1", "mqttv3.1"), ("mqttv3.1, mqtt", "mqtt")])
    func theSubprotocolIsChosen(offer: String, chosen: String) throws {
        let answer = try connect().ask(handshake(offer, path: "/any/path?at=all"))

        #expect(answer?.status == 101 && answer?.headers["sec-websocket-protocol"] == chosen)
    }

    @Test(arguments: [String?.none, "mqtt5", "soap"])
    func anotherSubprotocolIsRefused(offer: String?) throws {
        #expect(try connect().ask(handshake(offer))?.status == 400)
    }

    @Test(arguments: [
        ([], "", 101), (["Authorization: KEY"], "", 101), (["Authorization: "], "?authorization=KEY", 101),
        (["Authorization: nobodys-key"], "", 403), ([], "?authorization=nobodys-key", 403),
        (["Authorization: KEY"], "?authorization=nobodys-key", 403),
        (["Authorization: KEY", "Authorization: KEY"], "", 400),
        ([], "?authorization=%zz", 400),
    ])
    func aKeyInTheHandshakeIsThatOfTheCertificate(headers: [String], query: String, status: Int) throws {
        let key = server.key.secret.revealed
        let text = handshake("mqtt", path: "/mqtt\(query)", headers: headers).replacing("KEY", with: key)

        #expect(try connect(.key(server.key)).ask(text)?.status == status)
        // Without certificates CONNECT alone says who it is.
        #expect(try connect().ask(text)?.status == 101)
    }

    @Test func whatIsNoHandshakeIsAnswered() throws {
        #expect(try connect().ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")?.status == 404)
        let version = try connect().ask("GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(version?.body == #"{"service":"mqtt-adapter","version":"1.2.3"}"#)
    }

    @Test func packetsTravelInFramesHoweverTheyAreCut() throws {
        let peer = try open()
        let stream = try bytes {
            [$0.connect(), $0.publish("over", to: server.base, qos: .atLeastOnce, id: 5), .pingreq]
        }
        for chunk in stride(from: 0, to: stream.count, by: 7) {
            try peer.send(ClientFrame.bytes(.binary, Array(stream[chunk..<min(chunk + 7, stream.count)])))
        }
        let frames = try #require(try peer.frames())

        #expect(frames.allSatisfy { $0.opcode == .binary })
        #expect(frames.flatMap(\.payload) == [0x20, 2, 0, 0, 0x40, 2, 0, 5, 0xD0, 0])
        #expect(server.test.published.payloads == ["over"])
    }

    @Test func fragmentsAndPingsAreUnderstood() throws {
        let peer = try open()
        let stream = try bytes { [$0.connect()] }
        try peer.send(
            ClientFrame.bytes(.binary, Array(stream.prefix(5)), fin: false) + ClientFrame.bytes(.ping, [9])
                + ClientFrame.bytes(.continuation, Array(stream.dropFirst(5)))
        )

        #expect(
            try peer.frames() == [
                ServerFrame(opcode: .pong, payload: [9]), ServerFrame(opcode: .binary, payload: [0x20, 2, 0, 0]),
            ]
        )
    }

    @Test(
        arguments: [
            (ClientFrame.text("x"), 1003), (ClientFrame.bytes(.binary, [0x10], isMasked: false), 1002),
            (ClientFrame.bytes(.continuation, [0x10]), 1002),
            ([0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 1009),
        ] as [([UInt8], Int)]
    )
    func aFrameThatBreaksTheRulesEndsTheConnection(bytes: [UInt8], code: Int) throws {
        let peer = try open()
        try peer.send(bytes)

        #expect(try peer.closeCode() == code)
        #expect(peer.connection.isEnded)
        #expect(server.component.connectionCount == 0)
    }

    @Test func aGoodbyeOfTheWebSocketIsARudeEndOfTheSession() throws {
        let peer = try open()
        let will = Will(topic: server.base, payload: ByteBuffer(string: "will"))
        try peer.send(ClientFrame.bytes(.binary, bytes { [$0.connect(will: will)] }))
        _ = try peer.frames()
        try peer.send(ClientFrame.close(1001))

        #expect(try peer.closeCode() == 1001)
        #expect(peer.connection.isGone)
        #expect(server.test.published.payloads == ["will"])
    }

    @Test func theEndOfTheSessionIsTheEndOfTheWebSocket() throws {
        let peer = try open()
        try peer.send(ClientFrame.bytes(.binary, bytes { [$0.connect(), .disconnect(Disconnect())] }))
        let frames = try #require(try peer.frames())

        #expect(frames.map(\.opcode) == [.binary, .connectionClose] && frames.last?.code == 1000)
        #expect(peer.connection.isEnded)
    }

    @Test func pingsOfAClientThatTakesNothingAreNotAnswered() throws {
        let peer = try open()
        peer.connection.setWritable(false)
        for _ in 0..<100 { try peer.send(ClientFrame.bytes(.ping, [1])) }
        peer.connection.setWritable(true)
        try peer.send(ClientFrame.bytes(.ping, [2]))

        #expect(try peer.frames() == [ServerFrame(opcode: .pong, payload: [2])])
    }

    // MARK: Behind a proxy

    @Test func theCertificateThatIsPassedOnLogsIn() throws {
        let proxy = try Proxy()
        for (names, code) in [([server.key.secret.revealed], 0), ([], 5), (["nobodys-key"], 5)] as [([String], UInt8)] {
            let http = try connect(as: proxy.peer())
            let header = try proxy.header(proxy.authority.sign(names))
            #expect(try http.ask(handshake("mqtt", headers: [header]))?.status == 101)
            let peer = WSPeer(http, isOpen: true)
            let login = try bytes { _ in [.connect(Connect(version: .v3_1_1, clientID: "c"))] }
            try peer.send(ClientFrame.bytes(.binary, login))

            #expect(try peer.frames()?.first?.payload == [0x20, 2, 0, code])
        }
    }

    @Test func withoutOneNobodyLogsInBehindAProxy() throws {
        let proxy = try Proxy()
        let key = server.key.secret.revealed
        let stranger = try TestAuthority(proxy.folder, name: "Stranger")

        #expect(try connect(as: proxy.peer()).ask(handshake("mqtt"))?.status == 403)
        #expect(
            try connect(as: proxy.peer()).ask(handshake("mqtt", headers: [proxy.header(key, by: stranger)]))?.status
                == 403
        )
        #expect(try connect().ask(handshake("mqtt", headers: [proxy.header(key)]))?.status == 400)
        #expect(try connect(.key(server.key)).ask(handshake("mqtt", headers: [proxy.header(key)]))?.status == 400)
    }
}
