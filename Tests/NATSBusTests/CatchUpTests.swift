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

    /// Of a channel of its own, when there is a stream.
    private func makeTopic(_ node: Node) async throws -> Topic {
        let other = try Topic(channel: ChannelID(.random()))
        try await eventually { try await node.publish(other, "first") }
        return try Topic(channel: ChannelID(.random()))
    }
}
