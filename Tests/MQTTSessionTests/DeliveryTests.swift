import MQTTCodec
import MQTTSession
import NIOCore
import Testing

/// Messages to the client.
@Suite struct DeliveryTests {
    private func ack(_ id: UInt16, _ code: MQTTReasonCode = .success) -> PublishAck {
        PublishAck(packetID: id, reasonCode: code)
    }

    @Test func qos1GetsAnIdentifierAndIsOverWithPuback() {
        let client = Client.connected()

        let (result, actions) = client.deliver(.sample(.atLeastOnce, dup: true))

        #expect(result == .sent)
        #expect(actions == [.send(.publish(.sample(.atLeastOnce, id: 1)))])
        #expect(client.messagesInFlight == 1)
        #expect(client.receive(.puback(ack(1))).isEmpty)
        #expect(client.messagesInFlight == 0)
    }

    /// [MQTT-4.3.3-1] to [MQTT-4.3.3-6]
    @Test func qos2GoesThroughPubrelAndIsOverWithPubcomp() {
        let client = Client.connected()
        _ = client.deliver(.sample(.exactlyOnce))

        #expect(client.receive(.pubrec(ack(1))) == [.send(.pubrel(ack(1)))])
        #expect(client.receive(.pubrec(ack(1))) == [.send(.pubrel(ack(1)))])
        #expect(client.messagesInFlight == 1)
        #expect(client.receive(.pubcomp(ack(1))).isEmpty)
        #expect(client.messagesInFlight == 0)
    }

    /// [MQTT-4.3.3-4]
    @Test func aRefusingPubrecEndsTheMessage() {
        let client = Client.connected()
        _ = client.deliver(.sample(.exactlyOnce))

        #expect(client.receive(.pubrec(ack(1, .quotaExceeded))).isEmpty)
        #expect(client.messagesInFlight == 0)
    }

    @Test func qos0IsSentAsItIs() {
        let client = Client.connected()

        let (result, actions) = client.deliver(.sample(.atMostOnce))

        #expect(result == .sent && actions == [.send(.publish(.sample(.atMostOnce)))])
        #expect(client.messagesInFlight == 0)
    }

    @Test(arguments: [
        (MQTTVersion.v5, UInt16(3), UInt16(64), 3), (.v5, 64, 2, 2), (.v3_1_1, 3, 64, 64),
    ])
    func noMoreAreInFlightThanBothSidesWant(
        _ version: MQTTVersion,
        _ receiveMaximum: UInt16,
        _ configured: UInt16,
        _ window: Int
    ) {
        let client = Client.connected(
            version,
            settings: SessionSettings(maximumInFlight: configured),
            properties: [.receiveMaximum(receiveMaximum)]
        )
        let results = (0..<100).map { _ in client.deliver(.sample(.atLeastOnce)).result }

        #expect(results.prefix(window).allSatisfy { $0 == .sent })
        #expect(results.dropFirst(window).allSatisfy { $0 == .queued })
        #expect(client.messagesInFlight == window)
        #expect(client.queuedMessages == 100 - window)
    }

    /// [MQTT-4.6.0-6]
    @Test func aFreedPlaceGoesToTheOldestThatWaits() {
        let client = Client.connected(settings: SessionSettings(maximumInFlight: 1))
        for payload in ["1", "2", "3"] { _ = client.deliver(.sample(.atLeastOnce, payload: payload)) }

        #expect(client.receive(.puback(ack(1))).messages == [.sample(.atLeastOnce, id: 2, payload: "2")])
        #expect(client.deliver(.sample(.exactlyOnce, payload: "4")).result == .queued)
        #expect(client.receive(.puback(ack(2))).messages == [.sample(.atLeastOnce, id: 3, payload: "3")])
        #expect(client.receive(.puback(ack(3))).messages == [.sample(.exactlyOnce, id: 4, payload: "4")])
        #expect(client.queuedMessages == 0)
    }

    @Test func aFullQueueRefusesTheNewest() {
        let client = Client.connected(settings: SessionSettings(maximumInFlight: 1, maximumQueuedMessages: 2))
        let results = (0..<4).map { client.deliver(.sample(.atLeastOnce, payload: "\($0)")).result }

        #expect(results == [.sent, .queued, .queued, .dropped(.queueFull)])
        #expect(client.receive(.puback(ack(1))).messages.map(\.payload) == [ByteBuffer(string: "1")])
        #expect(client.deliver(.sample(.atLeastOnce)).result == .queued)
    }

    @Test func theQueueIsBoundedInBytes() {
        let client = Client.connected(settings: SessionSettings(maximumInFlight: 1, maximumQueuedBytes: 100))
        let payload = String(repeating: "x", count: 49)
        let results = (0..<4).map { _ in client.deliver(.sample(.atLeastOnce, payload: payload)).result }

        #expect(results == [.sent, .queued, .queued, .dropped(.queueFull)])
        _ = client.receive(.puback(ack(1)))
        #expect(client.deliver(.sample(.atLeastOnce, payload: payload)).result == .queued)
        #expect(client.deliver(.sample(.atLeastOnce, payload: "")).result == .dropped(.queueFull))
    }

    @Test func propertiesCountAmongTheBytesOfTheQueue() {
        let client = Client.connected(settings: SessionSettings(maximumInFlight: 1, maximumQueuedBytes: 100))
        let properties: MQTTProperties = [.userProperty(name: "a", value: String(repeating: "x", count: 50))]
        let results = (0..<3).map { _ in client.deliver(.sample(.atLeastOnce, properties: properties)).result }

        #expect(results == [.sent, .queued, .dropped(.queueFull)])
    }

    /// [MQTT-3.3.2-5], [MQTT-3.3.2-6]
    @Test func whatWaitsAgesAndIsDroppedWhenItIsTooOld() {
        let client = Client.connected(settings: SessionSettings(maximumInFlight: 1))
        func sample(_ payload: String, _ seconds: UInt32) -> Publish {
            .sample(.atLeastOnce, payload: payload, properties: [.messageExpiryInterval(seconds)])
        }
        for (payload, seconds): (String, UInt32) in [("1", 1), ("2", 2), ("3", 10), ("4", 3), ("5", .max)] {
            _ = client.deliver(sample(payload, seconds))
        }
        _ = client.pass(.milliseconds(2_500))
        let third = client.receive(.puback(ack(1))).messages
        #expect(third.map(\.payload) == [ByteBuffer(string: "3")])
        #expect(third.first?.properties == [.messageExpiryInterval(8)])
        _ = client.pass(.seconds(1))
        let last = client.receive(.puback(ack(2))).messages
        #expect(last.first?.properties == [.messageExpiryInterval(.max - 3)])
        #expect(client.takeExpiredMessages() == 2 && client.takeExpiredMessages() == 0)
    }

    /// Who can't be told of an interval is spared what is too old all the same.
    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func whatIsTooOldIsDroppedInEveryVersion(version: MQTTVersion) {
        let client = Client.connected(version, settings: SessionSettings(maximumInFlight: 1))
        for payload in ["1", "2", "3"] {
            _ = client.deliver(.sample(.atLeastOnce, payload: payload), expires: payload == "2" ? .seconds(1) : nil)
        }
        _ = client.pass(.seconds(1))
        #expect(client.receive(.puback(ack(1))).messages == [.sample(.atLeastOnce, id: 2, payload: "3")])
        #expect(client.takeExpiredMessages() == 1)
    }

    /// [MQTT-3.3.2-9]
    @Test func theFirstTopicsGetAliasesIfTheClientTakesThem() {
        let client = Client.connected(properties: [.topicAliasMaximum(2)])
        func sent(_ topic: String, _ qos: MQTTQoS = .atMostOnce) -> (String, UInt16?) {
            let publish = client.deliver(.sample(qos, topic: topic)).actions.messages.first
            return (publish.map { String(buffer: $0.topic) } ?? "none", publish?.properties.topicAlias)
        }
        #expect(sent("a") == ("a", 1))
        #expect(sent("b", .atLeastOnce) == ("b", 2))
        #expect(sent("a", .exactlyOnce) == ("", 1))
        #expect(sent("b") == ("", 2))
        #expect(sent("c") == ("c", nil))
    }

    @Test func anAliasThatWouldMakeAPacketTooLongIsLeftOut() {
        let client = Client.connected(properties: [.topicAliasMaximum(2), .maximumPacketSize(20)])
        let (result, actions) = client.deliver(.sample(.atMostOnce, payload: String(repeating: "x", count: 14)))
        #expect(result == .sent)
        #expect(actions.messages.first?.properties == [])
        #expect(client.deliver(.sample(.atMostOnce)).actions.messages.first?.properties == [.topicAlias(1)])
    }

    @Test(arguments: [MQTTVersion.v3_1, .v3_1_1, .v5])
    func withoutTheClientsLeaveThereAreNoAliases(version: MQTTVersion) {
        let client = Client.connected(version)
        #expect(client.deliver(.sample(.atMostOnce)).actions == [.send(.publish(.sample(.atMostOnce)))])
    }

    @Test func anIdentifierInUseIsPassedOver() {
        let client = Client.connected(settings: SessionSettings(maximumInFlight: 2))
        _ = client.deliver(.sample(.atLeastOnce))
        var last: UInt16 = 0
        for _ in 0..<65_536 {
            last = client.deliver(.sample(.atLeastOnce)).actions.messages.first?.packetID ?? 0
            guard last > 1 else { break }
            _ = client.receive(.puback(ack(last)))
        }

        #expect(last == 3)
        #expect(client.messagesInFlight == 1)
    }

    /// [MQTT-3.1.2-24]
    @Test func aMessageLongerThanTheClientTakesIsNotSent() {
        let client = Client.connected(properties: [.maximumPacketSize(50)])

        let long = client.deliver(.sample(.atLeastOnce, payload: String(repeating: "x", count: 43)))
        let exact = client.deliver(.sample(.atLeastOnce, payload: String(repeating: "x", count: 42)))

        #expect(long.result == .dropped(.tooLargeForClient) && long.actions.isEmpty)
        #expect(exact.result == .sent)
    }

    @Test func nothingIsDeliveredBeforeConnackOrAfterTheEnd() {
        let client = Client()
        #expect(client.deliver(.sample(.atLeastOnce)).result == .dropped(.notConnected))

        let gone = Client.connected()
        _ = gone.loseConnection()
        #expect(gone.deliver(.sample(.atLeastOnce)).result == .dropped(.notConnected))
    }

    @Test func anUnknownAcknowledgementDoesNoHarm() {
        let client = Client.connected(.v5)

        #expect(client.receive(.puback(ack(9))).isEmpty)
        #expect(client.receive(.pubcomp(ack(9))).isEmpty)
        #expect(client.receive(.pubrec(ack(9, .unspecifiedError))).isEmpty)
        #expect(client.receive(.pubrec(ack(9))) == [.send(.pubrel(ack(9, .packetIdentifierNotFound)))])
        #expect(Client.connected(.v3_1_1).receive(.pubrec(ack(9))) == [.send(.pubrel(ack(9)))])
    }

    @Test func theWrongAcknowledgementIsAnError() {
        let wrong: [(MQTTQoS, MQTTPacket)] = [
            (.atLeastOnce, .pubrec(ack(1))), (.atLeastOnce, .pubcomp(ack(1))), (.exactlyOnce, .puback(ack(1))),
            (.exactlyOnce, .pubcomp(ack(1))),
        ]
        for (qos, packet) in wrong {
            let client = Client.connected()
            _ = client.deliver(.sample(qos))

            #expect(client.receive(packet).end == .violation(.protocolError))
        }
    }
}
