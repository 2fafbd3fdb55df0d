import HTTPAdapter
import MQTTCodec
import Messaging
import Model
import NIOCore
import TestSupport
import Testing

@testable import AdapterTransport

/// Two loops that hand messages to each other, each moved by the test.
private struct Pair {
    let links = LoopLinks(count: 2)
    let here: TestLoop
    let there: TestLoop
    let channel = ChannelID.random()

    init() {
        here = TestLoop(index: 0, links: links)
        there = TestLoop(index: 1, links: links)
        links.connect([here, there].map { NIOLoopBound($0.loop, eventLoop: $0.eventLoop) })
    }

    func topic() throws -> Topic { try Topic(channel: channel) }
}

@Suite struct LoopLinksTests {
    @Test func messagesCrossOnceAndInOrderToALoopThatWantsThem() throws {
        let pair = Pair()
        pair.there.loop.interest.add(pair.channel)
        for number in 0..<100 { try pair.here.publish("\(number)", to: pair.topic()) }
        pair.there.run()

        #expect(pair.here.published.payloads == (0..<100).map { "\($0)" })
        #expect(pair.there.published.payloads == (0..<100).map { "\($0)" })
    }

    @Test func aLoopThatWantsNothingGetsNothing() throws {
        let pair = Pair()
        pair.there.loop.interest.add(pair.channel)
        pair.there.loop.interest.remove(pair.channel)
        try pair.here.publish("x", to: pair.topic())
        pair.there.run()

        #expect(pair.there.published.messages.isEmpty)
    }

    @Test func aLoopWhosePeerIsBehindIsCongestedUntilHalfIsWorkedOff() throws {
        let pair = Pair()
        pair.there.loop.interest.add(pair.channel)
        let text = String(repeating: "x", count: LoopLinks.limit / 4)
        for _ in 0..<3 { try pair.here.publish(text, to: pair.topic()) }
        #expect(!pair.here.loop.isCongested)
        try pair.here.publish(text, to: pair.topic())
        #expect(pair.here.loop.isCongested && !pair.there.loop.isCongested)

        var resumed = 0
        pair.here.loop.whenUncongested { resumed += 1 }
        pair.here.run()
        #expect(resumed == 0)
        pair.there.run()
        pair.here.run()
        #expect(resumed == 1 && !pair.here.loop.isCongested)
        pair.here.loop.whenUncongested { resumed += 1 }
        #expect(resumed == 2)
    }

    @Test func aPublisherOverHTTPIsReadNoFurtherWhileAnotherLoopIsBehind() throws {
        let pair = Pair()
        let publisher = try Publisher(pair.here)
        pair.there.loop.interest.add(publisher.channel)
        _ = try publisher.peer.ask(publisher.request())
        #expect(publisher.peer.connection.isReading)
        let text = String(repeating: "x", count: LoopLinks.limit + 1)
        try pair.here.publish(text, to: Topic(channel: publisher.channel))
        #expect(try publisher.peer.ask(publisher.request()) == nil)
        #expect(!publisher.peer.connection.isReading)

        pair.there.run()
        pair.here.run()
        #expect(try publisher.peer.responses().map(\.status) == [202])
        #expect(publisher.peer.connection.isReading)
        pair.there.run()
        #expect(pair.there.published.messages.count == 3)
    }

    @Test func aPublisherOnAWebSocketIsReadNoFurtherWhileAnotherLoopIsBehind() throws {
        let pair = Pair()
        let server = WSServer(pair.here)
        pair.there.loop.interest.add(server.channel)
        let peer = try server.open()
        try pair.here.publish(String(repeating: "x", count: LoopLinks.limit + 1), to: Topic(channel: server.channel))
        try peer.send(ClientFrame.text("1") + ClientFrame.text("2"))
        #expect(!peer.connection.isReading)

        pair.there.run()
        pair.here.run()
        #expect(peer.connection.isReading)
        pair.there.run()
        #expect(pair.there.published.payloads.dropFirst() == ["1", "2"])
    }

    @Test func aPublisherOverMQTTIsReadNoFurtherWhileAnotherLoopIsBehind() throws {
        let pair = Pair()
        let server = MQTTServer(pair.here)
        pair.there.loop.interest.add(server.channel)
        let peer = try server.client(keepAlive: 1)
        try pair.here.publish(String(repeating: "x", count: LoopLinks.limit + 1), to: Topic(channel: server.channel))
        try peer.send(peer.publish("1", to: server.base, qos: .atLeastOnce, id: 1))
        #expect(!peer.connection.isReading)
        // Its silence isn't its fault now.
        server.test.pass(10_000_000_000)
        #expect(!peer.connection.isEnded)

        pair.there.run()
        pair.here.run()
        #expect(peer.connection.isReading)
        #expect(try peer.packets().map(\.type) == [.puback])
    }

    @Test func howManyEverWaitOnlySoManyGoOnAtOnce() throws {
        let pair = Pair()
        let server = MQTTServer(pair.here)
        pair.there.loop.interest.add(server.channel)
        let most = pair.links.mostFromOne
        let peers = try (0..<3 * most).map { try server.client(id: "publisher \($0)") }
        for peer in peers {
            for number in 1...2 {
                try peer.connection.receive(
                    peer.bytes(peer.publish("1", to: server.base, qos: .atLeastOnce, id: UInt16(number)))
                )
            }
        }
        var before = 0
        while pair.there.published.messages.count < 2 * peers.count {
            pair.here.run()
            pair.there.run()
            let now = pair.there.published.messages.count
            #expect((1...2 * most).contains(now - before))
            before = now
        }
        #expect(try peers.allSatisfy { try $0.packets().count == 2 })
    }
}
