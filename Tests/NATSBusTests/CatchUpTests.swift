import Messaging
import Model
import NATSBus
import Synchronization
import TestSupport
import Testing

/// Two processes on a server with JetStream.
@Suite(.timeLimit(.minutes(1))) struct CatchUpTests {
    private let folder: TemporaryFolder
    private let server: TemporaryNATS

    init() throws {
        folder = try TemporaryFolder()
        server = try TemporaryNATS(["--jetstream", "--store_dir", folder.path])
    }

    @Test func whatWasStoredWhileAProcessWasCutOffComesInOrderAndOnce() async throws {
        let one = try await Node(server, stream: "messages")
        let proxy = FaultyProxy()
        let other = try await Node(port: proxy.listen(before: server.port), stream: "messages")
        let topic = try await makeTopic(one)
        other.bus.join(topic.channel)
        await other.settled()
        var sent: [String] = []
        func publish(_ count: Int) async throws {
            for _ in 0..<count {
                let payload = "\(sent.count)"
                #expect(try await one.publish(topic, payload))
                sent.append(payload)
            }
        }
        try await publish(50)
        try await other.waits(for: 50)
        for round in 0..<3 {
            proxy.become(.closed)
            try await eventually { !other.bus.link.isUp }
            try await publish(300)
            proxy.become(.passing)
            // Some of these come live.
            try await publish(200)
            let count = sent.count
            try await eventually { other.payloads(of: topic).count >= count }
            // What comes out of the stream is of all channels, and the event loops take what they have subscribers for.
            let come = other.payloads(of: topic)
            let place = zip(come, sent).enumerated().first { $1.0 != $1.1 }?.offset ?? sent.count
            #expect(come.count == place, "round \(round): \(come[max(0, place - 3)..<min(come.count, place + 3)])")
        }
        #expect(other.received.withLock { $0.contains { $0.isLate } && $0.contains { !$0.isLate } })
        #expect(one.payloads.isEmpty)
        try await proxy.close()
    }

    @Test func whatWasAcknowledgedBeforeTheServerDiedComesAfterwards() async throws {
        let (one, other) = (try await Node(server, stream: "messages"), try await Node(server, stream: "messages"))
        let topic = try await makeTopic(one)
        other.bus.join(topic.channel)
        await other.settled()
        var acknowledged: [String] = []
        for number in 0..<1_000 {
            if number % 400 == 399 {
                server.kill9()
                try server.restart()
            }
            if try await one.publish(topic, "\(number)") { acknowledged.append("\(number)") }
        }
        try await eventually { try await one.publish(topic, "last") }
        acknowledged.append("last")
        let expected = Set(acknowledged)
        try await eventually { expected.isSubset(of: other.payloads) }
        let come = other.payloads(of: topic)
        #expect(come.count == Set(come).count)
    }

    /// Also while the connection is lost, and one publisher's messages in order all the while.
    @Test func aChannelWhoseSubscribersAreBehindIsReadFromTheStreamAndTheOthersGoOnLive() async throws {
        let one = try await Node(server, stream: "messages")
        let proxy = FaultyProxy()
        let other = try await Node(port: proxy.listen(before: server.port), stream: "messages")
        let (slow, quick) = (try await makeTopic(one), try await makeTopic(one))
        let below = try Topic(channel: slow.channel, subtopic: Subtopic("below"))
        for topic in [slow, quick] { other.bus.join(topic.channel) }
        await other.settled()
        // The stream has to be seen first.
        try await Task.sleep(for: .milliseconds(1_500))
        var count = 0
        func publish() async throws {
            for _ in 0..<50 {
                for topic in [slow, quick, below] { #expect(try await one.publish(topic, "\(count)")) }
                count += 1
            }
        }
        try await publish()
        for round in 0..<4 {
            other.strained.withLock { $0 = [slow.channel] }
            try await publish()
            if round == 2 {
                proxy.become(.closed)
                try await eventually { !other.bus.link.isUp }
                proxy.become(.passing)
                try await eventually { other.bus.link.isUp }
            }
            // These come behind what was left to the stream.
            other.strained.withLock { $0 = [] }
            try await publish()
        }
        let expected = (0..<count).map { "\($0)" }
        for topic in [slow, quick, below] {
            try await eventually { other.payloads(of: topic).count >= expected.count }
            #expect(other.payloads(of: topic) == expected)
        }
        let late = other.received.withLock { $0.filter(\.isLate) }
        #expect(late.contains { $0.topic == slow } && late.contains { $0.topic == below })
        // In the end they come live again.
        try await eventually(within: .seconds(20)) {
            let before = other.payloads(of: slow).count
            #expect(try await one.publish(slow, "again"))
            try await eventually { other.payloads(of: slow).count > before }
            return other.received.withLock { $0.last { $0.topic == slow }?.isLate == false }
        }
        try await proxy.close()
    }

    /// More of them than wait in the client library, and than a channel's queue takes.
    @Test func largeMessagesOfASlowChannelComeTooAndInOrder() async throws {
        let (one, other) = (try await Node(server, stream: "messages"), try await Node(server, stream: "messages"))
        let topic = try await makeTopic(one)
        other.bus.join(topic.channel)
        await other.settled()
        try await Task.sleep(for: .milliseconds(1_500))
        other.strained.withLock { $0 = [topic.channel] }
        let large = String(repeating: "x", count: 100_000)
        for number in 0..<200 { #expect(try await one.publish(topic, "\(number) \(large)")) }
        try await eventually { other.payloads(of: topic).count >= 200 }
        let numbers = other.payloads(of: topic).map { String($0.prefix { $0 != " " }) }
        #expect(numbers == (0..<200).map { "\($0)" })
    }

    /// Of a channel of its own, when there is a stream.
    private func makeTopic(_ node: Node) async throws -> Topic {
        let other = try Topic(channel: ChannelID(.random()))
        try await eventually { try await node.publish(other, "first") }
        return try Topic(channel: ChannelID(.random()))
    }
}
