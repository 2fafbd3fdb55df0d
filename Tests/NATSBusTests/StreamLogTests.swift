import Logging
import Messaging
import Model
import NATSBus
import NIOCore
import Synchronization
import TestSupport
import Testing

/// What sessions read of the stream between processes.
@Suite(.timeLimit(.minutes(1))) struct StreamLogTests {
    private let folder: TemporaryFolder
    private let server: TemporaryNATS

    init() throws {
        folder = try TemporaryFolder()
        server = try TemporaryNATS(["--jetstream", "--store_dir", folder.path])
    }

    /// A process that reads.
    private final class Reader: LogReceiver {
        let connection: NATSConnection
        let log: StreamLog
        private let list = Mutex<[Message]>([])
        private let watching = Mutex<Task<Void, Never>?>(nil)

        init(port: Int) throws {
            let logger = Logger(label: "test")
            connection = try NATSConnection(
                NATSConfiguration(servers: [Secret("nats://127.0.0.1:\(port)")]),
                sharesThread: true,
                logger: logger
            )
            let limits = MessageStream.Limits(bytes: 64 << 20, age: .seconds(60))
            let stream = MessageStream(connection, name: "messages", limits: limits, logger: logger)
            log = StreamLog(connection, stream, logger: logger)
            log.follow(self)
            connection.start()
            watching.withLock { [log] task in task = Task { await log.watch() } }
        }

        deinit {
            watching.withLock { $0?.cancel() }
            connection.close()
        }

        func logged(_ messages: [Message], upTo place: UInt64) { list.withLock { $0 += messages } }

        var heard: [String] { list.withLock { $0.map { String(buffer: $0.payload) } } }
        var places: [UInt64] { list.withLock { $0.map(\.place) } }

        func follows() async throws {
            try await eventually { self.connection.link.isUp }
            let isFollowing = await withCheckedContinuation { done in log.whenFollowing { done.resume(returning: $0) } }
            #expect(isFollowing)
        }

        func read(_ topics: Topic..., after place: UInt64 = 0, limit: Int = 100) async -> LogPage? {
            await withCheckedContinuation { done in
                log.read(topics.map(\.channel), after: place, limit: limit) { done.resume(returning: $0) }
            }
        }
    }

    private func publisher() async throws -> Node {
        let node = try await Node(server, stream: "messages")
        // The stream is there when something is in it.
        let topic = try Topic(channel: .random())
        try await eventually { try await node.publish(topic, "first") }
        return node
    }

    private func texts(_ page: LogPage?) -> [String]? { page?.messages.map { String(buffer: $0.payload) } }

    @Test func whatIsStoredComesWithItsPlaceAndThatOfKeptChannelsAlone() async throws {
        let node = try await publisher()
        let (topic, other) = (try Topic(channel: .random(), subtopic: Subtopic("a.b")), try Topic(channel: .random()))
        let reader = try Reader(port: server.port)
        reader.log.keep(topic.channel)
        try await reader.follows()
        let before = reader.log.newest
        #expect(before == 1)
        for number in 0..<100 {
            try await node.publish(topic, "\(number)")
            try await node.publish(other, "other")
        }
        try await eventually { reader.heard.count == 100 && reader.log.newest == 201 }
        #expect(reader.heard == (0..<100).map { "\($0)" })
        let places = (0..<100).map { UInt64(2 + 2 * $0) }
        #expect(reader.places == places)
        reader.log.forget(topic.channel)
        try await node.publish(topic, "forgotten")
        try await eventually { reader.log.newest == 202 }
        #expect(reader.heard.count == 100)
    }

    @Test func pagesOfSeveralChannelsAreInOneOrderAndWithoutGaps() async throws {
        let node = try await publisher()
        let channel = ChannelID.random()
        let topics = [
            try Topic(channel: channel), try Topic(channel: channel, subtopic: Subtopic("a")),
            try Topic(channel: .random()), try Topic(channel: .random()),
        ]
        var expected: [String] = []
        for number in 0..<60 {
            try await node.publish(topics[number % 4], "\(number)")
            if number % 4 != 3 { expected.append("\(number)") }
        }
        let reader = try Reader(port: server.port)
        reader.log.keep(channel)
        try await reader.follows()
        var (found, place) = ([String](), UInt64(0))
        while true {
            let page = try #require(await reader.read(topics[0], topics[2], after: place, limit: 7))
            #expect(page.messages.count <= 7)
            found += texts(page) ?? []
            #expect(page.end >= place)
            place = page.end
            if page.isLast { break }
        }
        #expect(found == expected)
        #expect(place == reader.log.newest)
        let rest = await reader.read(topics[0], after: place)
        #expect(rest?.messages.isEmpty == true)
    }

    @Test func whatWasMissedComesWhenTheServerIsBack() async throws {
        let node = try await publisher()
        let topic = try Topic(channel: .random())
        let proxy = FaultyProxy()
        let reader = try await Reader(port: proxy.listen(before: server.port))
        reader.log.keep(topic.channel)
        try await reader.follows()
        var sent: [String] = []
        for round in 0..<3 {
            proxy.become(.closed)
            try await eventually { !reader.connection.link.isUp }
            for number in 0..<200 {
                try await node.publish(topic, "\(round) \(number)")
                sent.append("\(round) \(number)")
            }
            proxy.become(.passing)
            let count = sent.count
            try await eventually { reader.heard.count == count }
        }
        #expect(reader.heard == sent)
        #expect(reader.places == reader.places.sorted())
    }

    @Test func whoCannotBeReadSaysSo() async throws {
        let reader = try Reader(port: server.port)
        try await eventually { reader.connection.link.isUp }
        // There is no stream.
        let topic = try Topic(channel: .random())
        let page = await reader.read(topic)
        #expect(page == nil)
        server.kill9()
        try await eventually { !reader.connection.link.isUp }
        let isFollowing = await withCheckedContinuation { done in
            reader.log.whenFollowing { done.resume(returning: $0) }
        }
        #expect(!isFollowing)
    }
}
