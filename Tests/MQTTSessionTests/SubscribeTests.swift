import MQTTCodec
import MQTTSession
import Testing

@Suite struct SubscribeTests {
    private let subscribe = Subscribe(
        packetID: 3,
        subscriptions: [Subscription(filter: "a", qos: .exactlyOnce), Subscription(filter: "b/#", qos: .atMostOnce)]
    )

    /// [MQTT-3.8.4-1], [MQTT-3.8.4-2], [MQTT-3.8.4-6]
    @Test func subscribeIsAnsweredByOneCodeForEachFilter() {
        let client = Client.connected()
        let codes: [MQTTReasonCode] = [.grantedQoS2, .notAuthorized]

        #expect(client.receive(.subscribe(subscribe)) == [.subscribe(subscribe)])
        #expect(
            client.subscribeCompleted(id: 3, codes)
                == [.send(.suback(Suback(packetID: 3, reasonCodes: codes)))]
        )
    }

    /// [MQTT-3.10.4-4], [MQTT-3.11.3-1]
    @Test func unsubscribeIsAnswered() {
        let client = Client.connected()
        let unsubscribe = Unsubscribe(packetID: 4, filters: ["a", "b"])
        let codes: [MQTTReasonCode] = [.success, .noSubscriptionExisted]

        #expect(client.receive(.unsubscribe(unsubscribe)) == [.unsubscribe(unsubscribe)])
        #expect(
            client.unsubscribeCompleted(id: 4, codes)
                == [.send(.unsuback(Unsuback(packetID: 4, reasonCodes: codes)))]
        )
    }

    @Test func aSubscriptionIdentifierIsTheCallersToKeep() {
        var identified = subscribe
        identified.properties = [.subscriptionIdentifier(1)]

        #expect(Client.connected().receive(.subscribe(identified)) == [.subscribe(identified)])
    }

    @Test func answersAfterTheEndAreIgnored() {
        let client = Client.connected()
        _ = client.receive(.subscribe(subscribe))
        _ = client.loseConnection()

        #expect(client.subscribeCompleted(id: 3, [.success, .success]).isEmpty)
        #expect(client.unsubscribeCompleted(id: 3, [.success]).isEmpty)
    }

    /// [MQTT-3.1.2-25]
    @Test func anAnswerLongerThanTheClientTakesIsAsGoodAsSent() {
        let client = Client.connected(properties: [.maximumPacketSize(40)])
        let codes = [MQTTReasonCode](repeating: .success, count: 60)

        #expect(client.subscribeCompleted(id: 3, codes).isEmpty)
        #expect(client.phase == .connected)
    }
}
