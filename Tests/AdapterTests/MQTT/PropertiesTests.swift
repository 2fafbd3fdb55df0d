import MQTTCodec
import Messaging
import NIOCore
import TestSupport
import Testing

@testable import AdapterTransport
@testable import MQTTAdapter

/// What MQTT 5 lets a publisher say of its message, and a subscriber of its subscription.
@Suite struct MQTTPropertiesTests {
    private let server = MQTTServer()
    private let said: MQTTProperties = [
        .payloadFormatIndicator(true), .responseTopic("answers/here"), .correlationData(ByteBuffer(bytes: [0, 255])),
        .userProperty(name: "b", value: "1"), .userProperty(name: "a", value: "2"),
        .userProperty(name: "b", value: "3"),
    ]

    private func publishes(_ peer: MQTTPeer) throws -> [Publish] {
        try peer.packets().compactMap { if case .publish(let publish) = $0 { publish } else { nil } }
    }

    private func subscriber(
        _ version: MQTTVersion = .v5,
        _ filters: String...,
        qos: MQTTQoS = .atMostOnce,
        identifier: UInt32? = nil
    ) throws -> MQTTPeer {
        let peer = try server.client(version)
        for filter in filters { try subscribe(peer, filter, qos, identifier) }
        return peer
    }

    private func subscribe(_ peer: MQTTPeer, _ filter: String, _ qos: MQTTQoS, _ identifier: UInt32?) throws {
        let subscription = Subscription(filter: server.base + filter, qos: qos)
        let properties = identifier.map { [MQTTProperty.subscriptionIdentifier($0)] } ?? []
        try peer.send(.subscribe(Subscribe(packetID: 1, subscriptions: [subscription], properties: .init(properties))))
        #expect(try peer.packets() == [.suback(Suback(packetID: 1, reasonCodes: [.granted(qos)]))])
    }

    /// [MQTT-3.3.2-4], [MQTT-3.3.2-15] to [MQTT-3.3.2-18]
    @Test(arguments: MQTTQoS.allCases)
    func whatAPublisherSaysItsSubscribersAreTold(qos: MQTTQoS) throws {
        let (new, old) = (try subscriber(.v5, "", qos: qos), try subscriber(.v3_1_1, "", qos: qos))
        let publisher = try server.client(.v5)
        try publisher.send(
            publisher.publish("x", to: server.base, qos: qos, id: qos == .atMostOnce ? 0 : 1, properties: said)
        )

        #expect(try publishes(new).map(\.properties) == [said])
        #expect(try publishes(old).map(\.properties) == [[]])
    }

    @Test func whatALastWillSaysItsSubscribersAreTold() throws {
        let listener = try subscriber(.v5, "")
        let will = Will(topic: server.base, payload: ByteBuffer(string: "gone"), properties: said)
        let client = try server.client(.v5, will: will)
        client.connection.lose()

        #expect(try publishes(listener).map(\.properties) == [said])
    }

    private func publish(_ ids: ClosedRange<UInt16>, saying properties: (UInt16) -> MQTTProperties) throws {
        let publisher = try server.client(.v5)
        for id in ids {
            try publisher.send(
                publisher.publish("\(id)", to: server.base, qos: .atLeastOnce, id: id, properties: properties(id))
            )
        }
    }

    /// [MQTT-3.3.2-6]
    @Test func anExpiryIntervalIsPassedOnAndRunsWhileTheMessageWaits() throws {
        let listener = try subscriber(.v5, "", qos: .atLeastOnce)
        try publish(1...65) { [.messageExpiryInterval($0 == 64 ? 0 : 10)] }
        let sent = try publishes(listener)
        #expect(sent.count == 64 && sent.last?.properties.messageExpiryInterval == 1)
        #expect(sent.dropLast().allSatisfy { $0.properties.messageExpiryInterval == 10 })
        server.test.pass(4_000_000_000)
        try listener.send(.puback(PublishAck(packetID: 1)))
        #expect(try publishes(listener).map(\.properties.messageExpiryInterval) == [6])
    }

    /// [MQTT-3.3.2-5]
    @Test func whatIsTooOldWhenItsTurnComesIsCounted() throws {
        let listener = try subscriber(.v5, "", qos: .atLeastOnce)
        try publish(1...66) { $0 == 65 ? [.messageExpiryInterval(3)] : [] }
        #expect(try publishes(listener).count == 64)
        server.test.pass(3_000_000_000)
        try listener.send(.puback(PublishAck(packetID: 1)))
        #expect(try publishes(listener).map { String(buffer: $0.payload) } == ["66"])
        #expect(server.test.counters.expired.current == 1)
    }

    @Test func whatCameLateFromTheBusIsDeliveredWhileItLives() throws {
        let listener = try subscriber(.v5, "")
        let time = server.test.loop.wallClock
        var batch = MessageBatch()
        for expires in [time, time + 1_500_000_000] {
            let message = makeMessage(
                on: try server.topic(),
                payload: "\(expires - time)",
                properties: MessageProperties(expires: expires),
                at: time
            )
            batch.append(try #require(message), size: 1)
        }
        server.test.loop.receive(batch, from: 0)

        let publish = try publishes(listener)
        #expect(publish.map { String(buffer: $0.payload) } == ["1500000000"])
        #expect(publish.first?.properties == [.messageExpiryInterval(2)])
        #expect(server.test.counters.expired.current == 1)
    }

    /// [MQTT-3.3.4-3], [MQTT-3.3.4-4]
    @Test(arguments: [MQTTQoS.atMostOnce, .atLeastOnce])
    func aMessageCarriesTheIdentifiersOfAllFiltersThatItMatches(qos: MQTTQoS) throws {
        let (listener, other) = (try server.client(.v5), try subscriber(.v5, "/#", qos: qos))
        try subscribe(listener, "/#", .atMostOnce, 268_435_455)
        try subscribe(listener, "/a", qos, 1)
        try subscribe(listener, "/+", qos, nil)
        try server.test.publish("x", to: server.topic("a"), qos: qos.rawValue)
        try server.test.publish("x", to: server.topic("b"), qos: qos.rawValue)
        let identifiers = try publishes(listener).map { Set($0.properties.subscriptionIdentifiers) }
        #expect(identifiers == [[268_435_455, 1], [268_435_455]])
        #expect(try publishes(other).allSatisfy(\.properties.isEmpty))
        // Subscribing again gives another one, or none.
        try subscribe(listener, "/a", qos, nil)
        try subscribe(listener, "/#", qos, 7)
        try server.test.publish("x", to: server.topic("a"), qos: qos.rawValue)
        #expect(try publishes(listener).map(\.properties.subscriptionIdentifiers) == [[7]])
    }

    @Test func aClientThatTakesThemIsSentTopicAliases() throws {
        let listener = try server.client(.v5, properties: [.topicAliasMaximum(1)])
        try subscribe(listener, "/#", .atLeastOnce, 5)
        for subtopic in ["a", "a", "b"] { try server.test.publish("x", to: server.topic(subtopic), qos: 1) }
        try server.test.publish("x", to: server.topic("a"), qos: 0)

        let publish = try publishes(listener)
        #expect(publish.map { String(buffer: $0.topic) } == ["\(server.base)/a", "", "\(server.base)/b", ""])
        #expect(publish.map(\.properties.topicAlias) == [1, 1, nil, 1])
        #expect(publish.allSatisfy { $0.properties.subscriptionIdentifiers == [5] })
    }
}
