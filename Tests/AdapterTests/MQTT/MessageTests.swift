import MQTTCodec
import Messaging
import Model
import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import AdapterTransport
@testable import MQTTAdapter

@Suite struct MQTTMessageTests {
    // MARK: Publishing

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func whatIsPublishedIsAcknowledgedAfterItIsTaken(version: MQTTVersion) throws {
        let server = MQTTServer()
        let peer = try server.client(version)
        try peer.send(
            peer.publish("0", to: server.base),
            peer.publish("1", to: "\(server.base)/a/ct/text_plain", qos: .atLeastOnce, id: 7),
            peer.publish("2", to: server.base, qos: .exactlyOnce, id: 8)
        )

        #expect(try peer.packets() == [.puback(PublishAck(packetID: 7)), .pubrec(PublishAck(packetID: 8))])
        let messages = server.test.published.messages
        #expect(server.test.published.payloads == ["0", "1", "2"] && messages.map(\.qos) == [0, 1, 2])
        #expect(messages[1].topic.subtopic.dotted == "a" && messages[1].topic.contentType == "text/plain")
        #expect(messages.allSatisfy { $0.publisher == server.identity.thing && $0.source == .mqtt })
    }

    @Test func aQoS2MessageSentAgainIsPublishedOnce() throws {
        let server = MQTTServer()
        let peer = try server.client()
        for dup in [false, true, true] {
            try peer.send(peer.publish("2", to: server.base, qos: .exactlyOnce, id: 8, dup: dup))
        }
        try peer.send(.pubrel(PublishAck(packetID: 8)))

        #expect(server.test.published.payloads == ["2"])
        #expect(try peer.packets().map(\.type) == [.pubrec, .pubrec, .pubrec, .pubcomp])
    }

    @Test func theContentTypePropertyGoesBeforeTheSuffix() throws {
        let server = MQTTServer()
        let peer = try server.client(.v5)
        for type in ["a/b_c", "x/\u{E9}", "x/e\u{301}", ""] {
            try peer.send(
                peer.publish(
                    type,
                    to: "\(server.base)/ct/text_plain",
                    properties: type.isEmpty ? [] : [.contentType(type)]
                )
            )
        }

        #expect(
            server.test.published.messages.map { Array($0.topic.contentType.text.utf8) }
                == ["a/b_c", "x/\u{E9}", "x/e\u{301}", "text/plain"].map { Array($0.utf8) }
        )
    }

    @Test(arguments: [MQTTVersion.v3_1_1, .v5], [MQTTQoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func aMessageToAChannelOfOthersIsRefused(version: MQTTVersion, qos: MQTTQoS) throws {
        let server = MQTTServer()
        let peer = try server.client(version)
        let topic = "channels/\(ChannelID.random())/messages"
        try peer.send(peer.publish("x", to: topic, qos: qos, id: qos == .atMostOnce ? 0 : 3))
        try peer.send(.pingreq)

        #expect(server.test.published.messages.isEmpty)
        #expect(peer.connection.isEnded == (version != .v5))
        if version == .v5 {
            let refusal = PublishAck(packetID: 3, reasonCode: .notAuthorized)
            let expected: [MQTTPacket] =
                switch qos {
                case .atMostOnce: []
                case .atLeastOnce: [.puback(refusal)]
                case .exactlyOnce: [.pubrec(refusal)]
                }
            #expect(try peer.packets() == expected + [.pingresp])
        }
    }

    @Test(arguments: ["a", "channels/1/messages", "$SYS/a", "%/a b", "%/*", "%/\u{85}", "%/ct/a\u{2}"])
    func aMessageToNoTopicOfOursIsRefused(topic: String) throws {
        let server = MQTTServer()
        let topic = topic.replacing("%", with: server.base)
        let (old, new) = (try server.client(), try server.client(.v5))
        try old.send(old.publish("x", to: topic))
        try new.send(new.publish("x", to: topic, qos: .atLeastOnce, id: 3))

        #expect(old.connection.isEnded && !new.connection.isEnded)
        #expect(try new.packets() == [.puback(PublishAck(packetID: 3, reasonCode: .topicNameInvalid))])
        #expect(server.test.published.messages.isEmpty)
    }

    @Test(arguments: ["%/+", "%/#", "#", ""])
    func aTopicNameThatMQTTForbidsEndsTheConnection(topic: String) throws {
        let server = MQTTServer()
        let peer = try server.client(.v5)
        try peer.send(peer.publish("x", to: topic.replacing("%", with: server.base)))

        #expect(peer.connection.isEnded)
        #expect(try peer.disconnectReason()?.isFailure == true)
    }

    @Test func aMessageOverTheLimitEndsTheConnection() throws {
        let server = MQTTServer(maximumMessage: 1_000)
        let peer = try server.client(.v5)
        try peer.send(peer.publish(String(repeating: "x", count: 1_000), to: server.base))
        #expect(!peer.connection.isEnded)
        try peer.send(peer.publish(String(repeating: "x", count: 1_001), to: server.base))

        #expect(try peer.disconnectReason() == .packetTooLarge)
        #expect(server.test.published.messages.count == 1)
    }

    @Test func aMessageOverTheLimitIsRefusedOnTheWarmPathToo() throws {
        let server = MQTTServer(maximumMessage: 1_000)
        let peer = try server.client()
        try peer.send(peer.publish("x", to: server.base))
        try peer.send(peer.publish(String(repeating: "x", count: 1_001), to: server.base))

        #expect(peer.connection.isEnded)
        #expect(server.test.published.messages.count == 1)
    }

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func anOutageIsNotAcknowledged(version: MQTTVersion) throws {
        let server = MQTTServer()
        let peer = try server.client(version)
        server.test.rights.isOut = true
        try peer.send(peer.publish("x", to: server.base, qos: .atLeastOnce, id: 3))

        #expect(server.test.published.messages.isEmpty)
        #expect(peer.connection.isEnded == (version != .v5))
        let expected = PublishAck(packetID: 3, reasonCode: .implementationSpecificError)
        #expect(try peer.packets() == (version == .v5 ? [.puback(expected)] : []))
    }

    @Test func everyMessageIsCheckedAndAskedForOnce() throws {
        let server = MQTTServer()
        let peer = try server.client()
        for _ in 0..<10 { try peer.send(peer.publish("x", to: server.base), peer.publish("x", to: "\(server.base)/a")) }

        #expect(server.test.counters.accessChecks.current == 20)
        #expect(server.test.counters.accessQuestions.current == 2)
    }

    @Test func aDecisionThatIsTooOldIsAskedForAgain() throws {
        let server = MQTTServer(TestLoop(accessMaximumAge: 100))
        let peer = try server.client(.v5)
        for _ in 0..<2 {
            try peer.send(peer.publish("good", to: server.base))
            server.test.pass(100)
        }
        server.test.rights.apply(.disconnected(server.identity.thing, server.channel))
        try peer.send(peer.publish("late", to: server.base, qos: .atLeastOnce, id: 1))

        #expect(server.test.published.payloads == ["good", "good"])
        #expect(try peer.packets() == [.puback(PublishAck(packetID: 1, reasonCode: .notAuthorized))])
    }

    // MARK: Order

    @Test func messagesStayInOrderWhileARightIsAskedFor() throws {
        let server = MQTTServer()
        let second = ChannelID.random()
        server.test.rights.connect(server.identity, second)
        let peer = try server.client()
        server.test.answersAtOnce = false
        let other = "channels/\(second)/messages"
        try peer.send(
            peer.publish("1", to: server.base),
            peer.publish("2", to: other),
            peer.publish("3", to: server.base, qos: .atLeastOnce, id: 1)
        )
        try peer.send(peer.publish("4", to: other), .pingreq)
        #expect(server.test.published.messages.isEmpty && !peer.connection.isReading)
        #expect(server.test.questions.count == 1)

        server.test.answer()
        #expect(server.test.published.payloads == ["1"])
        server.test.answersAtOnce = true
        server.test.run()
        #expect(server.test.published.payloads == ["1", "2", "3", "4"])
        #expect(try peer.packets().map(\.type) == [.puback, .pingresp])
        #expect(peer.connection.isReading)
    }

    @Test func aMessageSplitAnywhereIsRead() throws {
        let server = MQTTServer()
        let peer = try server.client()
        let whole = try peer.bytes(peer.publish("split", to: server.base, qos: .atLeastOnce, id: 1))
        for cut in 1..<whole.readableBytes {
            var rest = whole
            let start = rest.readSlice(length: cut)
            try peer.connection.receive(try #require(start))
            try peer.connection.receive(rest)
        }

        #expect(server.test.published.messages.count == whole.readableBytes - 1)
        #expect(Set(server.test.published.payloads) == ["split"])
    }

    @Test func whoSaysEverythingAndLeavesHasItPublished() throws {
        let server = MQTTServer()
        server.test.answersAtOnce = false
        let peer = try server.open()
        try peer.send(
            peer.connect(),
            peer.publish("1", to: server.base),
            peer.publish("2", to: server.base, qos: .atLeastOnce, id: 1),
            .disconnect(Disconnect())
        )
        peer.connection.halfClose()
        server.test.answersAtOnce = true
        server.test.run()

        #expect(server.test.published.payloads == ["1", "2"])
        #expect(peer.connection.isGone && server.component.connectionCount == 0)
    }

    @Test func whoBreaksOffAfterAMessageHasItPublished() throws {
        let server = MQTTServer()
        let peer = try server.client()
        server.test.answersAtOnce = false
        try peer.send(peer.publish("last", to: server.base))
        peer.connection.lose()
        server.test.answersAtOnce = true
        server.test.run()

        #expect(server.test.published.payloads == ["last"])
    }

    @Test func whoIsCutOffDuringTheQuestionHasNothingPublished() throws {
        let server = MQTTServer()
        let peer = try server.client()
        server.test.answersAtOnce = false
        try peer.send(peer.publish("late", to: server.base))
        server.test.take(.keyChanged(server.identity.thing))
        server.test.answersAtOnce = true
        server.test.run()

        #expect(peer.connection.isEnded)
        #expect(server.test.published.messages.isEmpty)
    }

    // MARK: Memory

    @Test func aStreamWhoseReadsNeverEndWithAPacketDoesNotPileUp() throws {
        let server = MQTTServer(maximumMessage: 1_000)
        let peer = try server.client()
        let packet = try peer.bytes(peer.publish(String(repeating: "x", count: 900), to: server.base))
        let half = packet.readableBytes / 2
        try peer.connection.receive(try #require(packet.getSlice(at: packet.readerIndex, length: half)))
        var step = try #require(packet.getSlice(at: packet.readerIndex + half, length: packet.readableBytes - half))
        step.writeImmutableBuffer(try #require(packet.getSlice(at: packet.readerIndex, length: half)))
        for _ in 0..<2_000 { try peer.connection.receive(ByteBuffer(bytes: step.readableBytesView)) }
        let connection = try peer.connection.channel.pipeline.syncOperations.handler(type: MQTTConnection.self)

        #expect(server.test.published.messages.count == 2_000)
        #expect(connection.unread.capacity < 100_000)
    }

    @Test func pingsOfAClientThatTakesNothingDoNotPileUp() throws {
        let server = MQTTServer(maximumQueue: 1_000)
        let peer = try server.client()
        peer.connection.setWritable(false)
        let pings = ByteBuffer(bytes: Array(repeating: [0xC0, 0] as [UInt8], count: 100).flatMap { $0 })
        var reads = 0
        while peer.connection.isReading, reads < 1_000 {
            try peer.connection.receive(pings)
            reads += 1
        }
        #expect(reads < 20)

        peer.connection.setWritable(true)
        #expect(peer.connection.isReading)
        #expect(try peer.packets().count == reads * 100)
    }

    // MARK: The will

    private func will(_ server: MQTTServer) -> Will {
        Will(topic: "\(server.base)/gone", payload: ByteBuffer(string: "will"), qos: .atLeastOnce)
    }

    @Test(arguments: [
        "lost", "malformed", "second CONNECT", "keep-alive", "taken over", "DISCONNECT with will", "shut down",
    ])
    func theWillIsPublishedAtARudeEnd(end: String) throws {
        let server = MQTTServer()
        let peer = try server.client(.v5, id: "c", keepAlive: 10, will: will(server))
        switch end {
        case "lost": peer.connection.lose()
        case "malformed": try peer.connection.receive(ByteBuffer(bytes: [0xFF, 0xFF]))
        case "second CONNECT": try peer.send(peer.connect(id: "c"))
        case "keep-alive": server.test.pass(16_000_000_000)
        case "taken over": _ = try server.client(.v5, id: "c")
        case "shut down": server.test.loop.shutDown()
        default: try peer.send(.disconnect(Disconnect(reasonCode: .disconnectWithWill)))
        }
        server.test.run()

        #expect(server.test.published.payloads == ["will"])
        #expect(server.test.published.messages.first?.topic.subtopic.dotted == "gone")
    }

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func theWillIsNotPublishedAfterAGoodbye(version: MQTTVersion) throws {
        let server = MQTTServer()
        let peer = try server.client(version, will: will(server))
        try peer.send(.disconnect(Disconnect()))
        peer.connection.lose()

        #expect(peer.connection.isEnded)
        #expect(server.test.published.messages.isEmpty)
    }

    @Test func theWillOfAThingThatLostItsRightIsNotPublished() throws {
        let server = MQTTServer()
        let peer = try server.client(will: will(server))
        server.test.take(.disconnected(server.identity.thing, server.channel))
        peer.connection.lose()

        #expect(server.test.published.messages.isEmpty)
    }

    @Test func theWillOfARemovedThingIsNotPublished() throws {
        let server = MQTTServer()
        let peer = try server.client(will: will(server))
        server.test.take(.thingRemoved(server.identity.thing))

        #expect(peer.connection.isEnded)
        #expect(server.test.published.messages.isEmpty)
    }
}
