import MQTTCodec
import Messaging
import Model
import NIOCore
import TestSupport
import Testing

@testable import AdapterTransport
@testable import MQTTAdapter

@Suite struct MQTTSubscriptionTests {
    // MARK: Delivery

    @Test(arguments: MQTTQoS.allCases, MQTTQoS.allCases)
    func theLowerQoSCounts(published: MQTTQoS, subscribed: MQTTQoS) throws {
        let server = MQTTServer()
        let subscriber = try server.client()
        #expect(try subscriber.subscribe((server.base, subscribed)) == [.granted(subscribed)])
        try server.test.publish("x", to: server.topic(), qos: published.rawValue)

        #expect(try subscriber.messages().map(\.qos) == [min(published, subscribed)])
        #expect(server.test.counters.deliveredMQTT.current == 1)
    }

    @Test func aQoS2MessageGoesThroughItsFourSteps() throws {
        let server = MQTTServer()
        let subscriber = try server.client()
        _ = try subscriber.subscribe((server.base, .exactlyOnce))
        try server.test.publish("x", to: server.topic(), qos: 2)
        guard case .publish(let publish)? = try subscriber.packets().first else {
            Issue.record("nothing was delivered")
            return
        }
        let id = PublishAck(packetID: publish.packetID)

        try subscriber.send(.pubrec(id))
        #expect(try subscriber.packets() == [.pubrel(id)])
        try subscriber.send(.pubcomp(id))
        #expect(try subscriber.packets().isEmpty && !subscriber.connection.isEnded)
    }

    @Test func messagesBeyondTheWindowWaitInOrder() throws {
        let server = MQTTServer()
        let subscriber = try server.client(.v5, properties: [.receiveMaximum(2)])
        _ = try subscriber.subscribe((server.base, .atLeastOnce))
        for number in 0..<6 { try server.test.publish("\(number)", to: server.topic(), qos: 1) }
        var seen: [String] = []
        while true {
            let publishes = try subscriber.packets().compactMap { packet in
                if case .publish(let publish) = packet { publish } else { nil }
            }
            if publishes.isEmpty { break }
            #expect(publishes.count <= 2)
            for publish in publishes {
                seen.append(String(buffer: publish.payload))
                try subscriber.send(.puback(PublishAck(packetID: publish.packetID)))
            }
        }

        #expect(seen == ["0", "1", "2", "3", "4", "5"])
    }

    @Test(arguments: [
        ("", ["%"]), ("/a", ["%/a"]), ("/+", ["%/a"]), ("/#", ["%", "%/a", "%/a/b"]), ("/a/#", ["%/a", "%/a/b"]),
        ("/+/b", ["%/a/b"]), ("/b", []),
    ])
    func onlyWhatTheFilterMatchesIsDelivered(filter: String, topics: [String]) throws {
        let server = MQTTServer()
        let subscriber = try server.client()
        _ = try subscriber.subscribe((server.base + filter, .atMostOnce))
        for subtopic in ["", "a", "a.b"] { try server.test.publish("x", to: server.topic(subtopic)) }
        try server.test.publish("x", to: Topic(channel: .random(), subtopic: Subtopic("a")))

        #expect(try subscriber.messages().map(\.topic) == topics.map { $0.replacing("%", with: server.base) })
    }

    @Test func overlappingFiltersAreOneDeliveryWithTheHighestQoS() throws {
        let server = MQTTServer()
        let subscriber = try server.client()
        _ = try subscriber.subscribe(
            ("\(server.base)/#", .atMostOnce),
            ("\(server.base)/a", .exactlyOnce),
            ("\(server.base)/+", .atLeastOnce)
        )
        try server.test.publish("x", to: server.topic("a"), qos: 2)

        #expect(try subscriber.messages().map(\.qos) == [.exactlyOnce])
    }

    @Test(
        arguments: [
            ("", [("%", "none"), ("%", "json"), ("%", "cbor")]),
            ("/ct/application_senml-json", [("%/ct/application_senml-json", "json")]),
            ("/#/ct/application_senml-cbor", [("%/ct/application_senml-cbor", "cbor")]),
            ("/ct/nothing", []),
        ] as [(String, [(String, String)])]
    )
    func aFilterWithATypeGetsThatTypeUnderTheTypedName(filter: String, expected: [(String, String)]) throws {
        let server = MQTTServer()
        let subscriber = try server.client()
        _ = try subscriber.subscribe((server.base + filter, .atMostOnce))
        try server.test.publish("none", to: server.topic())
        try server.test.publish("json", to: server.topic(type: "application/senml+json"))
        try server.test.publish("cbor", to: server.topic(type: "application/senml+cbor"))
        let messages = try subscriber.messages()

        #expect(messages.map(\.topic) == expected.map { $0.0.replacing("%", with: server.base) })
        #expect(messages.map(\.text) == expected.map(\.1))
    }

    @Test func filtersWithAndWithoutTypeAreTwoDeliveries() throws {
        let server = MQTTServer()
        let subscriber = try server.client()
        _ = try subscriber.subscribe((server.base, .atMostOnce), ("\(server.base)/#/ct/a_b", .atMostOnce))
        try server.test.publish("x", to: server.topic(type: "a/b"))

        #expect(Set(try subscriber.messages().map(\.topic)) == [server.base, "\(server.base)/ct/a_b"])
    }

    @Test func onlyMQTT5IsToldTheContentType() throws {
        let server = MQTTServer()
        for (version, qos) in [(MQTTVersion.v3_1_1, MQTTQoS.atMostOnce), (.v5, .atMostOnce), (.v5, .atLeastOnce)] {
            let subscriber = try server.client(version)
            _ = try subscriber.subscribe((server.base, qos))
            try server.test.publish("x", to: server.topic(type: "a/b"))
            guard case .publish(let publish)? = try subscriber.packets().first else {
                Issue.record("nothing was delivered")
                continue
            }
            #expect(publish.properties.contentType == (version == .v5 ? "a/b" : nil))
            #expect(publish.retain == false && publish.dup == false)
        }
    }

    @Test func ownMessagesComeBackUnlessNoLocalIsAsked() throws {
        let server = MQTTServer()
        let (one, other) = (try server.client(.v5), try server.client(.v5))
        _ = try one.subscribe((server.base, .atMostOnce))
        _ = try other.subscribe((server.base, .atMostOnce), noLocal: true)
        try one.send(one.publish("from one", to: server.base))
        try other.send(other.publish("from other", to: server.base))

        #expect(try one.texts() == ["from one", "from other"])
        #expect(try other.texts() == ["from one"])
    }

    @Test func subscribingAgainChangesTheSubscription() throws {
        let server = MQTTServer()
        let subscriber = try server.client()
        _ = try subscriber.subscribe((server.base, .atMostOnce))
        try server.test.publish("1", to: server.topic())
        _ = try subscriber.subscribe(("\(server.base)/", .atLeastOnce))
        try server.test.publish("2", to: server.topic())

        #expect(try subscriber.messages().map(\.qos) == [.atLeastOnce])
    }

    @Test func nothingComesAfterUnsubscribing() throws {
        let server = MQTTServer()
        let subscriber = try server.client(.v5)
        _ = try subscriber.subscribe((server.base, .atMostOnce), ("\(server.base)/a", .atMostOnce))
        try server.test.publish("1", to: server.topic())
        _ = try subscriber.packets()
        try subscriber.send(.unsubscribe(Unsubscribe(packetID: 9, filters: [server.base, "\(server.base)/b", "#"])))
        try server.test.publish("2", to: server.topic())
        try server.test.publish("3", to: server.topic("a"))
        let packets = try subscriber.packets()

        #expect(
            packets.first
                == .unsuback(
                    Unsuback(packetID: 9, reasonCodes: [.success, .noSubscriptionExisted, .topicFilterInvalid])
                )
        )
        #expect(packets.dropFirst().map(\.type) == [.publish])
    }

    // MARK: Who may

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func everyFilterIsDecidedByItself(version: MQTTVersion) throws {
        let server = MQTTServer()
        let subscriber = try server.client(version)
        let codes = try subscriber.subscribe(
            (server.base, .atLeastOnce),
            ("channels/\(ChannelID.random())/messages", .atLeastOnce),
            ("#", .atLeastOnce),
            ("\(server.base)/#/a", .atLeastOnce),
            ("$share/g/\(server.base)", .atMostOnce),
            ("\(server.base)/a", .exactlyOnce)
        )
        let failures: [MQTTReasonCode] =
            version == .v5
            ? [.notAuthorized, .topicFilterInvalid, .topicFilterInvalid, .sharedSubscriptionsNotSupported]
            : Array(repeating: .unspecifiedError, count: 4)

        #expect(codes == [.grantedQoS1] + failures + [.grantedQoS2])
        #expect(!subscriber.connection.isEnded)
    }

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func anOutageRefusesASubscription(version: MQTTVersion) throws {
        let server = MQTTServer()
        let subscriber = try server.client(version)
        server.test.rights.isOut = true

        let code: MQTTReasonCode = version == .v5 ? .implementationSpecificError : .unspecifiedError
        #expect(try subscriber.subscribe((server.base, .atMostOnce)) == [code])
    }

    @Test func aConnectionHasSoManySubscriptionsAndNoMore() throws {
        let server = MQTTServer(maximumSubscriptions: 3)
        let subscriber = try server.client(.v5)
        let codes = try subscriber.subscribe(
            ("\(server.base)/a", .atMostOnce),
            ("\(server.base)/b", .atMostOnce),
            ("\(server.base)/a", .atMostOnce)
        )
        #expect(codes == [.success, .success, .success])
        #expect(
            try subscriber.subscribe(("\(server.base)/c", .atMostOnce), ("\(server.base)/d", .atMostOnce)) == [
                .success, .quotaExceeded,
            ]
        )
        #expect(try subscriber.subscribe(("\(server.base)/a", .atLeastOnce)) == [.grantedQoS1])
        try subscriber.send(.unsubscribe(Unsubscribe(packetID: 2, filters: ["\(server.base)/a"])))
        _ = try subscriber.packets()
        #expect(try subscriber.subscribe(("\(server.base)/d", .atMostOnce)) == [.success])
    }

    @Test func oneSubscribeDoesNotAskForMoreThanCouldBeGranted() throws {
        let server = MQTTServer(maximumSubscriptions: 3)
        let subscriber = try server.client(.v5)
        let filters = (0..<100).map { _ in
            Subscription(filter: "channels/\(ChannelID.random())/messages", qos: .atMostOnce)
        }
        let before = server.test.counters.accessQuestions.current
        try subscriber.send(.subscribe(Subscribe(packetID: 1, subscriptions: filters)))
        guard case .suback(let suback)? = try subscriber.packets().first else {
            Issue.record("no SUBACK")
            return
        }

        #expect(suback.reasonCodes.count == 100 && suback.reasonCodes.suffix(97).allSatisfy { $0 == .quotaExceeded })
        #expect(server.test.counters.accessQuestions.current - before == 3)
    }

    // MARK: Cuts

    @Test(arguments: [0, 1, 2, 3, 4])
    func anEventEndsTheConnectionsItTouches(kind: Int) throws {
        let server = MQTTServer()
        let other = ChannelID.random()
        server.test.rights.connect(server.identity, other)
        let (stranger, strangersKey) = server.test.rights.addThing()
        server.test.rights.connect(stranger, server.channel)
        let (subscriber, old) = (try server.client(.v5), try server.client(.v3_1_1))
        let (elsewhere, publisher) = (try server.client(), try server.client())
        let strangers = try server.client(key: strangersKey)
        for peer in [subscriber, old, strangers] {
            #expect(try peer.subscribe(("\(server.base)/#", .atMostOnce)) == [.success])
        }
        #expect(try elsewhere.subscribe(("channels/\(other)/messages", .atMostOnce)) == [.success])
        let (thing, channel) = (server.identity.thing, server.channel)
        server.test.take(
            [
                AccessEvent.thingRemoved(thing), .keyChanged(thing), .disconnected(thing, channel),
                .channelRemoved(channel),
                .tenantRemoved(server.identity.tenant),
            ][kind]
        )

        #expect(try subscriber.disconnectReason() == .notAuthorized)
        #expect(subscriber.connection.isEnded && old.connection.isEnded)
        let endsAll = [true, true, false, false, true][kind]
        #expect(elsewhere.connection.isEnded == endsAll && publisher.connection.isEnded == endsAll)
        #expect(strangers.connection.isEnded == (kind == 3))
        try server.test.publish("secret", to: server.topic())
        #expect(try subscriber.packets().isEmpty && old.packets().isEmpty)
        try publisher.send(publisher.publish("late", to: server.base))
        #expect(server.test.published.payloads == ["secret"])
    }

    @Test func aRightThatIsTakenWhileItIsAskedForIsNotGranted() throws {
        let server = MQTTServer()
        let subscriber = try server.client(.v5)
        server.test.answersAtOnce = false
        try subscriber.send(
            .subscribe(Subscribe(packetID: 1, subscriptions: [Subscription(filter: server.base, qos: .atMostOnce)]))
        )
        server.test.take(.disconnected(server.identity.thing, server.channel))
        server.test.answersAtOnce = true
        server.test.run()

        #expect(try subscriber.packets() == [.suback(Suback(packetID: 1, reasonCodes: [.notAuthorized]))])
        try server.test.publish("secret", to: server.topic())
        #expect(try subscriber.packets().isEmpty)
    }

    @Test func whoKeepsSendingAfterTheCutIsClosedAllTheSame() throws {
        let server = MQTTServer()
        let subscriber = try server.client()
        _ = try subscriber.subscribe((server.base, .atMostOnce))
        server.test.take(.disconnected(server.identity.thing, server.channel))
        try subscriber.send(subscriber.publish("late", to: server.base), .pingreq)
        server.test.pass(2_000_000_000)

        #expect(subscriber.connection.isGone && server.component.connectionCount == 0)
        #expect(server.test.published.messages.isEmpty)
    }

    // MARK: Slow subscribers

    @Test func aSubscriberThatIsFullLosesMessagesAndOthersDoNot() throws {
        let server = MQTTServer(maximumQueue: 2_000)
        let (slow, quick) = (try server.client(), try server.client())
        for peer in [slow, quick] { _ = try peer.subscribe((server.base, .atMostOnce)) }
        slow.connection.setWritable(false)
        let text = String(repeating: "x", count: 500)
        for _ in 0..<10 { try server.test.publish(text, to: server.topic()) }

        #expect(try quick.texts().count == 10)
        #expect(server.test.counters.droppedMQTT.current == 7 && server.test.counters.deliveredMQTT.current == 13)
        slow.connection.setWritable(true)
        #expect(try slow.texts() == Array(repeating: text, count: 3))
        try server.test.publish("later", to: server.topic())
        #expect(try slow.texts() == ["later"])
    }

    @Test func aQoS1QueueThatIsFullDropsAndCounts() throws {
        let server = MQTTServer(maximumQueue: 2_000)
        let slow = try server.client(.v5, properties: [.receiveMaximum(1)])
        _ = try slow.subscribe((server.base, .atLeastOnce))
        for _ in 0..<10 { try server.test.publish(String(repeating: "x", count: 500), to: server.topic()) }

        // One in flight, and as many as fit behind it, their topic with them.
        #expect(server.test.counters.droppedMQTT.current == 6)
        #expect(!slow.connection.isEnded)
    }

    @Test func aClientIsSentNothingLongerThanItTakes() throws {
        let server = MQTTServer()
        let subscriber = try server.client(.v5, properties: [.maximumPacketSize(200)])
        _ = try subscriber.subscribe((server.base, .atMostOnce), ("\(server.base)/a", .atLeastOnce))
        for subtopic in ["", "a"] {
            try server.test.publish(String(repeating: "x", count: 300), to: server.topic(subtopic))
            try server.test.publish("short", to: server.topic(subtopic))
        }

        #expect(try subscriber.texts() == ["short", "short"])
        #expect(server.test.counters.droppedMQTT.current == 2)
    }

    @Test func everybodyIsToldWhenTheServerStops() throws {
        let server = MQTTServer()
        let (new, old, silent) = (try server.client(.v5), try server.client(), try server.open())
        server.test.loop.shutDown()

        #expect(try new.disconnectReason() == .serverShuttingDown)
        #expect(new.connection.isEnded && old.connection.isEnded && silent.connection.isEnded)
    }
}
