import MQTTCodec
import Messaging
import NIOCore
import Testing

@testable import AdapterTransport

/// Where a bus stores messages, they are acknowledged when it has.
@Suite struct StorageTests {
    private let bus = RecordingBus(stores: true)
    private let test: TestLoop

    init() {
        let links = LoopLinks(count: 1, bus: bus)
        test = TestLoop(index: 0, links: links)
        links.connect([NIOLoopBound(test.loop, eventLoop: test.eventLoop)])
        (bus.isStuck, bus.settlesAtOnce) = (true, true)
    }

    private func finish(_ isStored: Bool) {
        bus.finish(isStored)
        test.run()
    }

    @Test func acknowledgementsGoOutInTheOrderOfTheMessagesWhenTheyAreStored() throws {
        let server = MQTTServer(test)
        let peer = try server.client(.v5)
        for id: UInt16 in 1...3 { try peer.send(peer.publish("m\(id)", to: server.base, qos: .atLeastOnce, id: id)) }
        // This one is refused at once, but it came last.
        try peer.send(peer.publish("x", to: "channels/x", qos: .atLeastOnce, id: 4))
        #expect(try peer.packets().isEmpty)
        #expect(test.published.payloads == ["m1", "m2", "m3"])

        finish(true)
        let refused = PublishAck(packetID: 4, reasonCode: .topicNameInvalid)
        #expect(
            try peer.packets()
                == [1, 2, 3].map { .puback(PublishAck(packetID: $0)) } + [.puback(refused)]
        )
    }

    @Test func whatIsNotStoredIsNotAcknowledgedAsIfItWere() throws {
        let server = MQTTServer(test)
        let peer = try server.client(.v5)
        try peer.send(peer.publish("lost", to: server.base, qos: .atLeastOnce, id: 7))
        finish(false)
        let ack = PublishAck(packetID: 7, reasonCode: .implementationSpecificError)
        #expect(try peer.packets() == [.puback(ack)])
    }

    @Test func exactlyOnceIsReceivedWhenItIsStored() throws {
        let server = MQTTServer(test)
        let peer = try server.client(.v3_1_1)
        try peer.send(peer.publish("once", to: server.base, qos: .exactlyOnce, id: 9))
        #expect(try peer.packets().isEmpty)
        finish(true)
        #expect(try peer.packets() == [.pubrec(PublishAck(packetID: 9))])
    }

    @Test func httpIsAnsweredWhenTheMessageIsStored() throws {
        let publisher = try Publisher(test)
        for isStored in [true, false, true] {
            #expect(try publisher.peer.ask(publisher.request()) == nil)
            finish(isStored)
            #expect(try publisher.peer.responses().map(\.status) == [isStored ? 202 : 503])
        }
    }

    @Test func aWebSocketWhoseMessageIsNotStoredIsClosed() throws {
        let server = WSServer(test)
        let peer = try server.open()
        try peer.send(ClientFrame.text("lost"))
        finish(false)
        #expect(try peer.closeCode() == 1013)
    }

    @Test func whatIsOnlyDeliveredIsNotAwaited() throws {
        let server = MQTTServer(test)
        let peer = try server.client(.v5)
        try peer.send(peer.publish("x", to: server.base))
        #expect(test.published.payloads == ["x"])
        finish(false)
        #expect(try peer.packets().isEmpty)
    }
}
