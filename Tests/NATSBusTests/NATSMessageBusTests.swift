import Logging
import Messaging
import Model
import NATSBus
import NIOCore
import Synchronization
import TestSupport
import Testing

/// Two processes' buses on one server.
@Suite(.timeLimit(.minutes(1))) struct NATSMessageBusTests {
    private let server: TemporaryNATS

    init() throws { server = try TemporaryNATS() }

    @Test func whatOneProcessPublishesComesToTheOthersOnceAndNotBack() async throws {
        let (one, other) = (try await Node(server), try await Node(server))
        let topic = try Topic(channel: ChannelID(.random()), subtopic: try Subtopic("a/b"), contentType: "text/plain")
        one.bus.join(topic.channel)
        other.bus.join(topic.channel)
        await one.settled()
        await other.settled()
        for number in 0..<100 { try await one.publish(topic, "\(number)") }
        try await other.waits(for: 100)
        #expect(other.payloads == (0..<100).map { "\($0)" })
        #expect(other.received.withLock { $0.allSatisfy { $0.topic == topic } })
        #expect(one.payloads.isEmpty)
    }

    @Test func onlyJoinedChannelsComeIn() async throws {
        let (one, other) = (try await Node(server), try await Node(server))
        let wanted = try Topic(channel: ChannelID(.random()))
        let below = try Topic(channel: wanted.channel, subtopic: try Subtopic("x"))
        let unwanted = try Topic(channel: ChannelID(.random()))
        other.bus.join(wanted.channel)
        other.bus.join(wanted.channel)
        await other.settled()
        try await one.publish(unwanted, "no")
        try await one.publish(wanted, "base")
        try await one.publish(below, "below")
        try await other.waits(for: 2)
        #expect(Set(other.payloads) == ["base", "below"])

        // One of two has left: the other still listens.
        other.bus.leave(wanted.channel)
        await other.settled()
        try await one.publish(wanted, "again")
        try await other.waits(for: 3)

        other.bus.leave(wanted.channel)
        other.bus.join(unwanted.channel)
        await other.settled()
        try await one.publish(wanted, "too late")
        try await one.publish(unwanted, "last")
        try await other.waits(for: 4)
        #expect(other.payloads.last == "last")
        #expect(other.payloads.count == 4)
    }

    @Test func subscriptionsComeBackWithTheServer() async throws {
        let (one, other) = (try await Node(server), try await Node(server))
        let topic = try Topic(channel: ChannelID(.random()))
        other.bus.join(topic.channel)
        await other.settled()
        server.kill9()
        try await eventually { !one.bus.link.isUp && !other.bus.link.isUp }
        #expect(one.connection.outage != nil)
        try server.restart()
        try await eventually { one.bus.link.isUp && other.bus.link.isUp }
        #expect(one.connection.outage == nil)
        await other.settled()
        try await one.publish(topic, "after")
        try await other.waits(for: 1)
    }

    @Test func aServerThatComesLaterIsFound() async throws {
        server.kill9()
        let node = try Node(unconnectedTo: server.port)
        #expect(!node.bus.link.isUp)
        let topic = try Topic(channel: ChannelID(.random()))
        node.bus.join(topic.channel)
        await node.settled()
        try server.restart()
        try await eventually { node.bus.link.isUp }
        let other = try await Node(server)
        try await other.publish(topic, "found")
        try await node.waits(for: 1)
    }

    @Test func whatIsNoMessageIsDroppedAndTheNextOneComes() async throws {
        let (one, other) = (try await Node(server), try await Node(server))
        let topic = try Topic(channel: ChannelID(.random()))
        let foreign = try #require(makeMessage(on: try Topic(channel: ChannelID(.random()))))
        other.bus.join(topic.channel)
        await other.settled()
        try one.connection.publish(ByteBuffer(string: "\u{1}\u{2}").readableBytesView, to: BusSubject.of(topic))
        var smuggled = ByteBuffer()
        BusMessage.append(foreign, prefix: BusMessage.prefix(of: foreign.topic), to: &smuggled)
        try one.connection.publish(smuggled.readableBytesView, to: BusSubject.of(topic))
        try await one.publish(topic, "good")
        try await other.waits(for: 1)
        #expect(other.payloads == ["good"])
    }

    @Test func anUnsafeSubjectNeverLeaves() async throws {
        let node = try await Node(server)
        #expect(throws: NATSError.self) {
            try node.connection.publish(ByteBuffer(string: "x").readableBytesView, to: "a b\r\nPUB c 0\r\n")
        }
    }

    @Test func aRequestIsAnsweredByOneOfTheQueue() async throws {
        let (one, other) = (try await Node(server), try await Node(server))
        let third = try await Node(server)
        let answers = Mutex(0)
        for node in [other, third] {
            let connection = node.connection
            connection.subscribe(
                .init("work", queue: "workers"),
                NATSReceiver { message in
                    answers.withLock { $0 += 1 }
                    guard let reply = message.reply else { return }
                    try? connection.publish(message.payload.readableBytesView, to: reply)
                }
            )
            try connection.flush(timeout: .seconds(5))
        }
        let answer = try await one.connection.request(ByteBuffer(string: "ping"), to: "work", timeout: .seconds(5))
        #expect(String(buffer: answer) == "ping")
        #expect(answers.withLock { $0 } == 1)
        await #expect(throws: NATSError.self) {
            try await one.connection.request(ByteBuffer(), to: "nobody", timeout: .milliseconds(200))
        }
    }
}
