import Messaging
import Model
import NIOCore
import NIOWebSocket
import TestSupport
import Testing

@testable import AdapterTransport
@testable import WSAdapter

/// An open WebSocket (contract section 4.2, close codes of section 12).
@Suite struct WSConnectionTests {
    private func topic(_ server: WSServer, _ subtopic: String = "", type: String = "") throws -> Topic {
        try Topic(channel: server.channel, subtopic: Subtopic(subtopic[...]), contentType: type)
    }

    // MARK: Messages

    @Test func whatIsSentIsPublishedAndComesBack() throws {
        let server = WSServer()
        let peer = try server.open("/a/b", headers: ["Content-Type: text/plain"])
        try peer.send(ClientFrame.text("one") + ClientFrame.bytes(.binary, Array("two".utf8)))

        #expect(try peer.texts() == ["one", "two"])
        let message = try #require(server.test.published.messages.first)
        #expect(message.publisher == server.identity.thing && message.source == .ws && message.qos == 1)
        #expect(message.topic.subtopic.dotted == "a.b" && message.topic.contentType == "text/plain")
    }

    @Test func fragmentsAreOneMessage() throws {
        let server = WSServer()
        let peer = try server.open()
        let bytes =
            ClientFrame.text("a", fin: false) + ClientFrame.bytes(.ping, [7])
            + ClientFrame.bytes(.continuation, Array("b".utf8), fin: false)
            + ClientFrame.bytes(.continuation, Array("c".utf8))
        for byte in bytes { try peer.send([byte]) }

        #expect(server.test.published.payloads == ["abc"])
        let frames = try #require(try peer.frames())
        #expect(
            frames == [
                ServerFrame(opcode: .pong, payload: [7]), ServerFrame(opcode: .text, payload: Array("abc".utf8)),
            ]
        )
    }

    @Test(arguments: [
        ("", [""]), ("/a", ["a"]), ("/*", ["a", "b"]), ("/%3E", ["a", "b", "a.b", "a.b.c"]),
        ("/a/%3E", ["a.b", "a.b.c"]),
        ("/*/b", ["a.b"]), ("/a/*", ["a.b"]),
    ])
    func onlyWhatTheFilterMatchesIsReceived(filter: String, expected: [String]) throws {
        let server = WSServer()
        let peer = try server.open(filter)
        for subtopic in ["", "a", "b", "a.b", "a.b.c"] {
            try server.test.publish(subtopic, to: topic(server, subtopic))
        }
        try server.test.publish("other", to: Topic(channel: .random(), subtopic: Subtopic("a")))

        #expect(try peer.texts() == expected)
    }

    @Test(
        arguments: [
            ("", [0x61], true), ("application/senml+json", [0x61], true), ("application/senml+cbor", [0x61], false),
            ("text/plain", [0xFF], false), ("", [0xC3, 0xA9], true),
        ] as [(String, [UInt8], Bool)]
    )
    func theFrameFollowsTheContentType(type: String, payload: [UInt8], isText: Bool) throws {
        let server = WSServer()
        let (sender, receiver) = (try server.open(headers: ["Content-Type: \(type)"]), try server.open())
        try sender.send(ClientFrame.bytes(.binary, payload))

        #expect(try receiver.frames() == [ServerFrame(opcode: isText ? .text : .binary, payload: payload)])
    }

    @Test func theLongestSubtopicCanBePublishedTo() throws {
        let server = WSServer()
        let peer = try server.open("/" + String(repeating: "a", count: 1_023))
        try peer.send(ClientFrame.text("x"))

        #expect(try peer.texts() == ["x"])
    }

    @Test func aSubscriberThatIsFullLosesMessagesAndOthersDoNot() throws {
        let server = WSServer(maximumMessage: 1_000, maximumQueue: 2_000)
        let (slow, quick) = (try server.open(), try server.open())
        slow.connection.setWritable(false)
        let text = String(repeating: "x", count: 500)
        for _ in 0..<10 { try server.test.publish(text, to: topic(server)) }

        #expect(try quick.texts().count == 10)
        #expect(server.test.counters.droppedWS.current == 7)
        slow.connection.setWritable(true)
        #expect(try slow.texts() == Array(repeating: text, count: 3))
        try server.test.publish("later", to: topic(server))
        #expect(try slow.texts() == ["later"])
    }

    // MARK: Rights

    @Test(arguments: [0, 1, 2, 3, 4])
    func anEventEndsTheConnectionsItTouches(kind: Int) throws {
        let server = WSServer()
        let other = ChannelID.random()
        server.test.rights.connect(server.identity, other)
        let (stranger, strangersKey) = server.test.rights.addThing()
        server.test.rights.connect(stranger, server.channel)
        let peer = try server.open()
        let elsewhere = try server.connect()
        try elsewhere.send(server.handshake(path: "/channels/\(other)/messages"))
        let strangers = try server.open(key: strangersKey)
        #expect(server.component.connectionCount == 3)
        _ = try elsewhere.text()
        let (thing, channel) = (server.identity.thing, server.channel)
        server.test.take(
            [
                AccessEvent.thingRemoved(thing), .keyChanged(thing), .disconnected(thing, channel),
                .channelRemoved(channel),
                .tenantRemoved(server.identity.tenant),
            ][kind]
        )

        #expect(try peer.closeCode() == 1008)
        #expect(peer.connection.isEnded)
        #expect(elsewhere.connection.isEnded == [true, true, false, false, true][kind])
        #expect(strangers.connection.isEnded == (kind == 3))
        try server.test.publish("secret", to: topic(server))
        #expect(try peer.frames() == [])
    }

    @Test func whatIsSentAfterTheCutIsNotPublished() throws {
        let server = WSServer()
        let peer = try server.open()
        server.test.take(.disconnected(server.identity.thing, server.channel))
        try peer.send(ClientFrame.text("late"))

        #expect(server.test.published.messages.isEmpty)
    }

    @Test func whoKeepsSendingAfterTheCutIsClosedAllTheSame() throws {
        let server = WSServer()
        let peer = try server.open()
        server.test.take(.disconnected(server.identity.thing, server.channel))
        for _ in 0..<2 {
            try peer.send(ClientFrame.text("late"))
            server.test.pass(500_000_000)
            #expect(!peer.connection.isGone)
        }
        try peer.send(ClientFrame.text("later"))
        server.test.pass(1)

        #expect(peer.connection.isGone)
        #expect(server.component.connectionCount == 0)
    }

    @Test func framesWaitInOrderWhileTheRightIsAskedForAgain() throws {
        let server = WSServer()
        let peer = try server.open()
        // The right is forgotten, not taken.
        server.test.loop.access.apply(.disconnected(server.identity.thing, server.channel))
        server.test.answersAtOnce = false
        try peer.send(ClientFrame.text("1") + ClientFrame.text("2"))
        try peer.send(ClientFrame.text("3"))
        #expect(server.test.published.messages.isEmpty && !peer.connection.isReading)

        server.test.answersAtOnce = true
        server.test.run()
        #expect(server.test.published.payloads == ["1", "2", "3"])
        #expect(peer.connection.isReading)
    }

    @Test func aDecisionThatIsTooOldIsAskedForAgain() throws {
        let server = WSServer(TestLoop(accessMaximumAge: 100))
        let peer = try server.open()
        server.test.pass(100)
        try peer.send(ClientFrame.text("good"))
        #expect(try peer.texts() == ["good"])
        server.test.rights.apply(.disconnected(server.identity.thing, server.channel))
        server.test.pass(100)
        try peer.send(ClientFrame.text("late"))

        #expect(try peer.closeCode() == 1008)
        #expect(server.test.published.payloads == ["good"])
    }

    @Test(arguments: [(false, 1008), (true, 1013)])
    func aRightThatIsGoneOrUnknownEndsThePublisher(isOut: Bool, code: Int) throws {
        let server = WSServer()
        let peer = try server.open()
        server.test.loop.access.apply(.disconnected(server.identity.thing, server.channel))
        server.test.rights.isOut = isOut
        server.test.rights.apply(.disconnected(server.identity.thing, server.channel))
        try peer.send(ClientFrame.text("x"))

        #expect(try peer.closeCode() == code)
        #expect(server.test.published.messages.isEmpty)
    }

    // MARK: Bad peers

    @Test(
        arguments: [
            (ClientFrame.bytes(.binary, [UInt8](repeating: 1, count: 1_001)), 1009),
            (
                ClientFrame.bytes(.binary, [UInt8](repeating: 1, count: 900), fin: false)
                    + ClientFrame.bytes(.continuation, [UInt8](repeating: 1, count: 101)), 1009
            ),
            ([0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 1009),
            (ClientFrame.bytes(.text, [0xFF]), 1007), (ClientFrame.bytes(.text, [0x61], isMasked: false), 1002),
            (ClientFrame.bytes(.text, [0x61], rsv1: true), 1002), (ClientFrame.bytes(.continuation, [0x61]), 1002),
            (ClientFrame.bytes(.ping, [UInt8](repeating: 1, count: 126)), 1002), (ClientFrame.close(1005), 1002),
            (ClientFrame.bytes(.connectionClose, [3]), 1002), (ClientFrame.close(1000, reason: [0xFF]), 1007),
        ] as [([UInt8], Int)]
    )
    func aFrameThatBreaksTheRulesEndsTheConnection(bytes: [UInt8], code: Int) throws {
        let server = WSServer()
        let peer = try server.open()
        try peer.send(bytes + ClientFrame.text("later"))

        #expect(try peer.closeCode() == code)
        #expect(peer.connection.isEnded)
        #expect(server.test.published.messages.isEmpty)
    }

    @Test(arguments: ["/*", "/%3E", "/a/*/b"])
    func nobodyPublishesToAPattern(filter: String) throws {
        let server = WSServer()
        let peer = try server.open(filter)
        try peer.send(ClientFrame.text("x"))

        #expect(try peer.closeCode() == 1008)
        #expect(server.test.published.messages.isEmpty)
    }

    @Test func pingsToAClientThatTakesNothingDoNotPileUp() throws {
        let server = WSServer()
        let peer = try server.open()
        peer.connection.setWritable(false)
        let pings = Array(repeating: ClientFrame.bytes(.ping, [UInt8](repeating: 1, count: 125)), count: 100).flatMap {
            $0
        }
        var reads = 0
        while peer.connection.isReading, reads < 1_000 {
            try peer.send(pings)
            reads += 1
        }
        #expect(reads < 10)

        peer.connection.setWritable(true)
        #expect(peer.connection.isReading)
        #expect(try peer.frames()?.count == reads * 100)
    }

    // MARK: The end

    @Test(arguments: [(Int?.none, Int?.none), (1000, 1000), (1001, 1001), (4321, 4321)])
    func aGoodbyeIsAnsweredAndTheConnectionEnded(code: Int?, answer: Int?) throws {
        let server = WSServer()
        let peer = try server.open()
        try peer.send(ClientFrame.close(code) + ClientFrame.text("late"))

        let frames = try #require(try peer.frames())
        #expect(frames.map(\.opcode) == [.connectionClose] && frames.first?.code == answer)
        #expect(peer.connection.isEnded)
        #expect(server.test.published.messages.isEmpty)
    }

    @Test func aPeerThatHasSentItsFINIsGone() throws {
        let server = WSServer()
        let peer = try server.open()
        try peer.send(ClientFrame.text("last"))
        peer.connection.halfClose()

        #expect(server.test.published.payloads == ["last"])
        #expect(peer.connection.isGone && server.component.connectionCount == 0)
    }

    @Test func aPeerThatIsGoneIsForgotten() throws {
        let server = WSServer()
        let peer = try server.open()
        peer.connection.lose()

        #expect(server.component.connectionCount == 0)
        #expect(server.test.counters.connectionsWS.current == 0)
        try server.test.publish("x", to: topic(server))
        #expect(server.test.counters.deliveredWS.current == 0)
    }

    @Test func aSilentPeerIsPingedOnceAndThenGivenUp() throws {
        let server = WSServer()
        let peer = try server.open()
        server.test.pass(WSServer.pingInterval - 1_000_000_000)
        #expect(try peer.frames() == [])

        for _ in 0..<3 { server.test.pass(1_000_000_000) }
        #expect(try peer.frames()?.map(\.opcode) == [.ping])
        #expect(!peer.connection.isGone)

        server.test.pass(WSServer.pingInterval)
        #expect(peer.connection.isGone && server.component.connectionCount == 0)
    }

    @Test func aPeerThatAnswersThePingStays() throws {
        let server = WSServer()
        let peer = try server.open()
        server.test.pass(WSServer.pingInterval + 1)
        try peer.send(ClientFrame.bytes(.pong))
        server.test.pass(WSServer.pingInterval + 1)

        #expect(try peer.frames()?.map(\.opcode) == [.ping, .ping])
        #expect(!peer.connection.isEnded)
    }

    @Test func everybodyIsToldWhenTheServerStops() throws {
        let server = WSServer()
        let peer = try server.open()
        server.test.loop.shutDown()

        #expect(try peer.closeCode() == 1001)
        #expect(peer.connection.isEnded)
        server.test.pass(2_000_000_000)
        #expect(server.component.connectionCount == 0)
    }
}
