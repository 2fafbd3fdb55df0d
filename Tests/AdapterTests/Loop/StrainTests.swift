import MQTTCodec
import Messaging
import Model
import NIOCore
import TestSupport
import Testing

@testable import AdapterTransport

/// Publishers wait for subscribers that are behind, for a while.
@Suite struct StrainTests {
    private let server = MQTTServer()
    private var test: TestLoop { server.test }

    /// A subscriber, and a publisher of as many messages as a read may bring.
    private func subscribeAndFlood(_ qos: MQTTQoS, count: Int = 3_000) throws -> (MQTTPeer, MQTTPeer) {
        let subscriber = try server.client(id: "subscriber")
        #expect(try subscriber.subscribe((server.base, qos)) == [.granted(qos)])
        let publisher = try server.client(id: "publisher")
        var bytes = ByteBuffer()
        for number in 1...count {
            bytes.writeImmutableBuffer(
                try publisher.bytes(
                    publisher.publish("\(number)", to: server.base, qos: .atLeastOnce, id: UInt16(number))
                )
            )
        }
        try publisher.connection.receive(bytes)
        return (subscriber, publisher)
    }

    @Test func aReadFullOfMessagesWaitsForASubscriberThatTakesThem() throws {
        let (subscriber, publisher) = try subscribeAndFlood(.atLeastOnce)
        #expect(test.published.payloads.count < 400)
        #expect(!publisher.connection.isReading)
        var texts: [String] = []
        while texts.count < 3_000 {
            let publishes = try subscriber.packets().compactMap { packet -> Publish? in
                if case .publish(let publish) = packet { publish } else { nil }
            }
            texts += publishes.map { String(buffer: $0.payload) }
            for publish in publishes { try subscriber.send(.puback(PublishAck(packetID: publish.packetID))) }
            test.pass(2_000_000)
            try #require(!publishes.isEmpty || test.published.payloads.count < 3_000)
        }
        #expect(texts == (1...3_000).map { "\($0)" })
        #expect(test.counters.droppedMQTT.current == 0)
        #expect(try publisher.packets().count == 3_000)
        #expect(publisher.connection.isReading)
    }

    @Test func oneThatTakesTooLongIsntWaitedForAgainBeforeItHasCaughtUp() throws {
        let (subscriber, publisher) = try subscribeAndFlood(.atLeastOnce)
        #expect(test.published.payloads.count < 400)
        test.pass(Laggards.patience)
        test.pass(2_000_000)
        #expect(test.published.payloads.count == 3_000)
        #expect(test.counters.droppedMQTT.current == 3_000 - 64 - 1_000)
        #expect(!test.loop.isStrained(server.channel))
        // It takes what it has, and is waited for again.
        while true {
            let ids = try subscriber.packets().compactMap { packet -> UInt16? in
                if case .publish(let publish) = packet { publish.packetID } else { nil }
            }
            guard !ids.isEmpty else { break }
            for id in ids { try subscriber.send(.puback(PublishAck(packetID: id))) }
        }
        test.pass(2_000_000)
        _ = try publisher.packets()
        for number in 1...700 {
            try publisher.send(
                publisher.publish("\(number)", to: server.base, qos: .atLeastOnce, id: UInt16(number))
            )
        }
        #expect(test.loop.isStrained(server.channel))
        #expect(test.published.payloads.count < 3_700)
    }

    @Test func nobodyWaitsForWhoAskedForQoS0() throws {
        _ = try subscribeAndFlood(.atMostOnce)
        #expect(test.published.payloads.count == 3_000)
        #expect(!test.loop.isStrained(server.channel))
    }

    /// Its acknowledgements come behind its own messages.
    @Test func whoPublishesToItselfDoesntWaitForItself() throws {
        let peer = try server.client(id: "both")
        #expect(try peer.subscribe((server.base, .atLeastOnce)) == [.granted(.atLeastOnce)])
        var next: UInt16 = 1
        for _ in 0..<40 {
            var bytes = ByteBuffer()
            for _ in 0..<50 {
                bytes.writeImmutableBuffer(
                    try peer.bytes(peer.publish("\(next)", to: server.base, qos: .atLeastOnce, id: next))
                )
                next += 1
            }
            try peer.connection.receive(bytes)
            for _ in 0..<8 {
                let ids = try peer.packets().compactMap { packet -> UInt16? in
                    if case .publish(let publish) = packet { publish.packetID } else { nil }
                }
                for id in ids { try peer.send(.puback(PublishAck(packetID: id))) }
                test.pass(2_000_000)
            }
        }
        #expect(test.published.payloads.count == 2_000)
        #expect(test.counters.droppedMQTT.current == 0)
    }

    @Test func onlyTheChannelIsStrained() throws {
        _ = try subscribeAndFlood(.atLeastOnce)
        let other = MQTTServer(test)
        let publisher = try other.client(id: "other")
        try publisher.send(publisher.publish("1", to: other.base, qos: .atLeastOnce, id: 1))
        #expect(try publisher.packets() == [.puback(PublishAck(packetID: 1))])
        #expect(publisher.connection.isReading)
    }

    @Test func aSubscriberThatLeavesHoldsNobodyUp() throws {
        let (subscriber, _) = try subscribeAndFlood(.atLeastOnce)
        try subscriber.send(.disconnect(Disconnect()))
        test.pass(2_000_000)
        #expect(test.published.payloads.count == 3_000)
        #expect(!test.loop.isStrained(server.channel))
    }

    @Test func anHTTPClientGetsItsAnswerWhenTheSubscribersHaveRoom() throws {
        let publisher = try Publisher(test)
        publisher.connect(server.channel)
        test.rights.connect(publisher.identity, server.channel)
        let (subscriber, _) = try subscribeAndFlood(.atLeastOnce)
        let request = publisher.request(path: "/channels/\(server.channel)/messages")
        #expect(try publisher.peer.ask(request) == nil)
        try subscriber.send(.disconnect(Disconnect()))
        test.pass(2_000_000)
        #expect(try publisher.peer.responses().map(\.status) == [202])
    }
}
