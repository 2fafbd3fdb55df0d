internal import ArgumentParser
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

/// Goes along one path of a message again and again, and nothing else, so that it can be timed and its instructions counted.
@main
struct HotPaths: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hotpaths",
        abstract: "Go along one path of a message many times, and print how many nanoseconds that took."
    )

    enum Path: String, ExpressibleByArgument, CaseIterable {
        case access, decode, encode, topic, trie, match, acknowledge
    }

    @Argument(help: "Which.")
    var path: Path

    @Argument(help: "How many times.")
    var count: Int

    func run() throws {
        let step = try makeStep()
        let start = ContinuousClock.now
        for number in 0..<count { step(number) }
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        print(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }

    private func makeStep() throws -> (Int) -> Void {
        switch path {
        case .access: try Steps.access()
        case .decode: try Steps.decode()
        case .encode: try Steps.encode()
        case .topic: try Steps.topic()
        case .trie: try Steps.trie()
        case .match: try Steps.match()
        case .acknowledge: try Steps.acknowledge()
        }
    }
}

/// What is done each time. Each looks at what came of it, and fails if it isn't what it should be.
private enum Steps {
    private struct Wrong: Error {}

    private static let channel = ChannelID(UniqueID(high: 1, low: 2))
    private static let name = ByteBuffer(string: "channels/\(channel)/messages/building/3/room/12")
    private static let payload = ByteBuffer(repeating: 0x20, count: 128)

    private static func expect(_ isRight: Bool) {
        precondition(isRight, "the path leads elsewhere")
    }

    /// The question that there is for each message, its answer known.
    static func access() throws -> (Int) -> Void {
        final class Asked { var question: AccessQuestion? }
        let asked = Asked()
        let table = AccessTable(ages: .always(.max), lost: { _, _ in }) { asked.question = $0 }
        let identity = ThingIdentity(thing: .random(), tenant: .random())
        var key: KnownKey?
        table.identify(.random(), at: 1) { if case .granted(let known) = $0 { key = known } }
        if let question = asked.question { table.answered(question, identity: .success(identity), at: 1) }
        table.authorize(identity, channel, at: 1) { _ in }
        if let question = asked.question { table.answered(question, allowed: .success(true), at: 1) }
        guard let key else { throw Wrong() }
        // Others, as there are in a server.
        for number in 0..<1_000 as Range<UInt64> {
            let channel = ChannelID(UniqueID(high: 2, low: number))
            table.authorize(ThingIdentity(thing: .random(), tenant: .random()), channel, at: 1) { _ in }
            if let question = asked.question { table.answered(question, allowed: .success(true), at: 1) }
        }
        return { _ in
            table.authorize(key, channel, clock: { 2 }) { answer in
                guard case .granted = answer else { return expect(false) }
            }
        }
    }

    /// A PUBLISH of QoS 1 out of what was read.
    static func decode() throws -> (Int) -> Void {
        var decoder = MQTTDecoder(maximumPacketSize: 1 << 20)
        let connect = MQTTPacket.connect(Connect(version: .v3_1_1, clientID: "client"))
        var bytes = ByteBuffer()
        try connect.encode(into: &bytes, version: .v3_1_1)
        _ = try decoder.next(in: &bytes)
        let publish = MQTTPacket.publish(Publish(topic: name, payload: payload, qos: .atLeastOnce, packetID: 1))
        var read = ByteBuffer()
        try publish.encode(into: &read, version: .v3_1_1)
        return { _ in
            var read = read
            guard case .publish(let publish)? = try? decoder.next(in: &read) else { return expect(false) }
            expect(publish.packetID == 1)
        }
    }

    /// A PUBLISH into what is to be written.
    static func encode() throws -> (Int) -> Void {
        var written = ByteBuffer()
        written.reserveCapacity(64 << 10)
        return { _ in
            if written.readableBytes > 60 << 10 { written.clear() }
            try? Publish.encode(topic: name, payload: payload, qos: .atMostOnce, version: .v3_1_1, into: &written)
        }
    }

    /// A name that was never seen.
    static func topic() throws -> (Int) -> Void {
        { _ in
            guard let topic = try? MQTTTopics.ofChannels.topic(name.readableBytesView) else { return expect(false) }
            expect(topic.channel == channel)
        }
    }

    /// Who wants a message, among a thousand filters of its channel.
    static func trie() throws -> (Int) -> Void {
        let trie = try makeTrie()
        let topic = try MQTTTopics.ofChannels.topic(name.readableBytesView)
        return { _ in
            var found = 0
            trie.forEachMatch(topic.channel, topic.subtopic) { _ in found += 1 }
            expect(found == 3)
        }
    }

    /// The same for a topic that was published to just before.
    static func match() throws -> (Int) -> Void {
        let trie = try makeTrie()
        let topic = try MQTTTopics.ofChannels.topic(name.readableBytesView)
        var cache = MatchCache<Topic, [Int]>()
        return { _ in
            let found = cache.matches(of: topic, hash: 7, generation: trie.generation) {
                var found: [Int] = []
                trie.forEachMatch(topic.channel, topic.subtopic) { found.append($0) }
                return found
            }
            expect(found.count == 3)
        }
    }

    private final class Holder {}

    /// A thousand filters of other rooms, and three that match.
    private static func makeTrie() throws -> SubscriptionTrie<Int> {
        var trie = SubscriptionTrie<Int>()
        let filters =
            (0..<1_000).map { "building/\($0 % 10)/room/\($0)" } + ["building/+/room/12", "building/#", "+/3/#"]
        let holders = filters.map { _ in Holder() }
        for (number, filter) in filters.enumerated() {
            let filter = try MQTTTopicParser.filter("channels/\(channel)/messages/\(filter)")
            trie.insert(number, of: ObjectIdentifier(holders[number]), to: filter.channel, filter.subtopic)
        }
        return trie
    }

    /// A message of QoS 1 to a subscriber, and its acknowledgement.
    static func acknowledge() throws -> (Int) -> Void {
        var session = ClientSession(settings: SessionSettings(), at: .now())
        var actions: [SessionAction] = []
        session.received(.connect(Connect(version: .v3_1_1, clientID: "client")), at: .now(), into: &actions)
        session.authenticated(.accepted(clientID: "client"), at: .now(), into: &actions)
        let publish = Publish(topic: name, payload: payload, qos: .atLeastOnce)
        return { _ in
            actions.removeAll(keepingCapacity: true)
            guard session.deliver(publish, into: &actions) == .sent,
                case .send(.publish(let sent))? = actions.first
            else { return expect(false) }
            session.received(.puback(PublishAck(packetID: sent.packetID)), at: .uptimeNanoseconds(1), into: &actions)
            expect(session.messagesInFlight == 0)
        }
    }
}
