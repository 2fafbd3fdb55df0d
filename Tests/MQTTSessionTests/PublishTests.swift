import MQTTCodec
import MQTTSession
import NIOCore
import Testing

/// Messages from the client.
@Suite struct PublishTests {
    @Test func qos0IsRoutedAndNotAnswered() {
        let client = Client.connected()
        let publish = Publish.sample(.atMostOnce)

        #expect(client.receive(.publish(publish)) == [.publish(publish)])
        #expect(client.publishCompleted(.accepted, qos: .atMostOnce).isEmpty)
    }

    /// [MQTT-4.3.2-4]
    @Test(arguments: MQTTVersion.allCases)
    func qos1IsAcknowledgedOnceItIsAccepted(_ version: MQTTVersion) {
        let client = Client.connected(version)
        let publish = Publish.sample(.atLeastOnce, id: 7)

        #expect(client.receive(.publish(publish)) == [.publish(publish)])
        #expect(
            client.publishCompleted(.accepted, qos: .atLeastOnce, id: 7) == [.send(.puback(PublishAck(packetID: 7)))]
        )
    }

    /// [MQTT-4.3.3-8], [MQTT-4.3.3-11]
    @Test(arguments: MQTTVersion.allCases)
    func qos2IsDeliveredOnceAndItsIdentifierIsFreedByPubrel(_ version: MQTTVersion) {
        let client = Client.connected(version)
        let publish = Publish.sample(.exactlyOnce, id: 7)
        let again = MQTTPacket.publish(.sample(.exactlyOnce, id: 7, dup: true))
        let pubrec = SessionAction.send(.pubrec(PublishAck(packetID: 7)))

        #expect(client.receive(.publish(publish)) == [.publish(publish)])
        #expect(client.receive(again).isEmpty)
        #expect(client.publishCompleted(.accepted, qos: .exactlyOnce, id: 7) == [pubrec])
        #expect(client.receive(again) == [pubrec])
        #expect(client.receive(.pubrel(PublishAck(packetID: 7))) == [.send(.pubcomp(PublishAck(packetID: 7)))])
        #expect(client.receive(.publish(publish)) == [.publish(publish)])
    }

    @Test(arguments: MQTTVersion.allCases)
    func anUnknownPubrelIsCompleted(_ version: MQTTVersion) {
        let code: MQTTReasonCode = version == .v5 ? .packetIdentifierNotFound : .success

        #expect(
            Client.connected(version).receive(.pubrel(PublishAck(packetID: 9)))
                == [.send(.pubcomp(PublishAck(packetID: 9, reasonCode: code)))]
        )
    }

    @Test func pubrelBeforePubrecIsAnError() {
        let client = Client.connected()
        _ = client.receive(.publish(.sample(.exactlyOnce, id: 7)))

        #expect(client.receive(.pubrel(PublishAck(packetID: 7))).end == .violation(.protocolError))
    }

    @Test(arguments: [
        (PublishOutcome.notAuthorized, MQTTReasonCode.notAuthorized), (.topicInvalid, .topicNameInvalid),
        (.unavailable, .implementationSpecificError), (.quotaExceeded, .quotaExceeded),
    ])
    func mqtt5IsToldWhyAMessageIsRefused(_ outcome: PublishOutcome, _ code: MQTTReasonCode) {
        let client = Client.connected(.v5)
        for qos in MQTTQoS.allCases {
            _ = client.receive(.publish(.sample(qos, id: qos == .atMostOnce ? 0 : 7)))
        }
        let ack = PublishAck(packetID: 7, reasonCode: code)

        #expect(client.publishCompleted(outcome, qos: .atMostOnce).isEmpty)
        #expect(client.publishCompleted(outcome, qos: .atLeastOnce, id: 7) == [.send(.puback(ack))])
        #expect(client.publishCompleted(outcome, qos: .exactlyOnce, id: 7) == [.send(.pubrec(ack))])
    }

    /// [MQTT-4.3.3-9]
    @Test func aRefusedQoS2MessageIsOverWithItsPubrec() {
        let client = Client.connected(.v5)
        let publish = Publish.sample(.exactlyOnce, id: 7)
        _ = client.receive(.publish(publish))
        _ = client.publishCompleted(.notAuthorized, qos: .exactlyOnce, id: 7)

        #expect(client.receive(.publish(publish)) == [.publish(publish)])
    }

    @Test(arguments: MQTTQoS.allCases, [PublishOutcome.notAuthorized, .topicInvalid, .unavailable, .quotaExceeded])
    func earlierVersionsAreClosedOnARefusalWithoutAnAcknowledgement(_ qos: MQTTQoS, _ outcome: PublishOutcome) {
        let client = Client.connected(.v3_1_1, will: .sample)
        let id: UInt16 = qos == .atMostOnce ? 0 : 7
        _ = client.receive(.publish(.sample(qos, id: id)))

        #expect(
            client.publishCompleted(outcome, qos: qos, id: id)
                == [.publishWill(.sample), .close(.publishRefused(outcome.reasonCode))]
        )
    }

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func aMessageOverTheSizeLimitCloses(_ version: MQTTVersion) {
        let client = Client.connected(version)
        _ = client.receive(.publish(.sample(.atMostOnce)))

        let actions = client.publishCompleted(.tooLarge, qos: .atMostOnce)

        #expect(actions.end == .violation(.packetTooLarge))
        #expect(actions.sent == (version == .v5 ? [.disconnect(Disconnect(reasonCode: .packetTooLarge))] : []))
    }

    /// [MQTT-3.3.4-9]
    @Test func moreThanReceiveMaximumIsAnError() {
        let client = Client.connected(.v5, settings: SessionSettings(receiveMaximum: 2))
        _ = client.receive(.publish(.sample(.atLeastOnce, id: 1)))
        _ = client.receive(.publish(.sample(.exactlyOnce, id: 2)))
        #expect(client.receive(.publish(.sample(.exactlyOnce, id: 2, dup: true))).isEmpty)
        #expect(client.receive(.publish(.sample(.atMostOnce))).count == 1)

        #expect(
            client.receive(.publish(.sample(.atLeastOnce, id: 3))) == [
                .send(.disconnect(Disconnect(reasonCode: .receiveMaximumExceeded))),
                .close(.violation(.receiveMaximumExceeded)),
            ]
        )
    }

    @Test func anAcknowledgementMakesRoomForTheNext() {
        let client = Client.connected(.v5, settings: SessionSettings(receiveMaximum: 1))
        for id in 1...5 as ClosedRange<UInt16> {
            #expect(client.receive(.publish(.sample(.atLeastOnce, id: id))).count == 1)
            _ = client.publishCompleted(.accepted, qos: .atLeastOnce, id: id)
            #expect(client.receive(.publish(.sample(.exactlyOnce, id: id))).count == 1)
            _ = client.publishCompleted(.accepted, qos: .exactlyOnce, id: id)
            _ = client.receive(.pubrel(PublishAck(packetID: id)))
        }

        #expect(client.phase == .connected)
    }

    @Test func earlierVersionsAreClosedWhenTooManyMessagesWaitForTheirPubrel() {
        let client = Client.connected(.v3_1_1, settings: SessionSettings(maximumUnreleased: 2))
        _ = client.receive(.publish(.sample(.exactlyOnce, id: 1)))
        _ = client.receive(.publish(.sample(.exactlyOnce, id: 2)))

        #expect(
            client.receive(.publish(.sample(.exactlyOnce, id: 3))) == [.close(.violation(.receiveMaximumExceeded))]
        )
    }

    @Test func anAnswerToAMessageThatNeverCameIsIgnored() {
        let client = Client.connected()

        #expect(client.publishCompleted(.accepted, qos: .atLeastOnce, id: 1).isEmpty)
        #expect(client.publishCompleted(.accepted, qos: .exactlyOnce, id: 1).isEmpty)
    }

    @Test func aTopicAliasIsResolvedAndTakenOut() {
        let client = Client.connected()
        let kept: MQTTProperty = .contentType("text/plain")
        let plain = Publish.sample(.atMostOnce, topic: "a", properties: [kept])

        for topic in ["a", ""] {
            let aliased = Publish.sample(.atMostOnce, topic: topic, properties: [.topicAlias(2), kept])
            #expect(client.receive(.publish(aliased)) == [.publish(plain)])
        }

        let other = Publish.sample(.atMostOnce, topic: "b", properties: [.topicAlias(2)])
        _ = client.receive(.publish(other))
        #expect(
            client.receive(.publish(.sample(.atMostOnce, topic: "", properties: [.topicAlias(2)])))
                == [.publish(.sample(.atMostOnce, topic: "b"))]
        )
    }

    /// [MQTT-3.3.2-9]
    @Test func anAliasOverTheMaximumOrUnknownIsAnError() {
        let over = Publish.sample(.atMostOnce, properties: [.topicAlias(17)])
        let unknown = Publish.sample(.atMostOnce, topic: "", properties: [.topicAlias(1)])

        #expect(Client.connected().receive(.publish(over)).end == .violation(.topicAliasInvalid))
        #expect(Client.connected().receive(.publish(unknown)).end == .violation(.protocolError))
    }

    @Test func aliasesOfLongTopicsAreBoundedTogether() {
        let client = Client.connected()
        let long = String(repeating: "t", count: 40_000)
        _ = client.receive(.publish(.sample(.atMostOnce, topic: long, properties: [.topicAlias(1)])))
        #expect(client.receive(.publish(.sample(.atMostOnce, topic: long, properties: [.topicAlias(1)]))).count == 1)

        let second = Publish.sample(.atMostOnce, topic: long, properties: [.topicAlias(2)])
        #expect(client.receive(.publish(second)).end == .violation(.quotaExceeded))
    }
}
