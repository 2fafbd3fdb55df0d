import Logging
import Messaging
import Model
import NATSBus
import NIOCore
import Synchronization
import TestSupport
import Testing

/// What is kept for later subscribers of several processes.
@Suite(.timeLimit(.minutes(1))) struct RetainedStreamTests {
    private let folder: TemporaryFolder
    private let server: TemporaryNATS
    private let channel = ChannelID.random()
    private let tenant = Tenant.ID.random()

    init() throws {
        folder = try TemporaryFolder()
        server = try TemporaryNATS(["--jetstream", "--store_dir", folder.path])
    }

    /// A process that publishes and reads.
    private final class Adapter: Sendable {
        let connection: NATSConnection
        let bus: NATSMessageBus
        let retained: RetainedStream
        let tenant: Tenant.ID
        let clock: Clock
        private let watching = Mutex<[Task<Void, Never>]>([])

        init(_ server: TemporaryNATS, of tenant: Tenant.ID, maximum: Int) async throws {
            let logger = Logger(label: "test")
            connection = try NATSConnection(
                NATSConfiguration(servers: [Secret(server.url)]),
                sharesThread: true,
                logger: logger
            )
            self.tenant = tenant
            let clock = Clock()
            self.clock = clock
            let limits = MessageStream.Limits(bytes: 64 << 20, age: .seconds(60))
            let stream = MessageStream(connection, name: "messages", limits: limits, logger: logger)
            retained = RetainedStream(connection, maximumOfChannel: maximum, logger: logger) {
                clock.seconds.withLock { $0 * 1_000_000_000 }
            }
            bus = NATSMessageBus(connection, stream: stream, retained: retained, logger: logger)
            connection.start()
            watching.withLock { [bus, retained] tasks in
                tasks = [
                    Task { await stream.watch() }, Task { await bus.watch() }, Task { await retained.watch() },
                ]
            }
            try await eventually { stream.outage == nil && self.retained.outage == nil }
        }

        deinit {
            for task in watching.withLock({ $0 }) { task.cancel() }
            bus.close()
            connection.close()
        }

        /// Answers whether it is safe.
        @discardableResult
        func retain(
            _ payload: String,
            _ subtopic: String = "",
            in channel: ChannelID,
            expires: UInt64? = nil
        ) async throws -> Bool {
            let topic = try Topic(channel: channel, subtopic: Subtopic(subtopic[...]))
            let properties = expires.flatMap { MessageProperties(expires: $0 * 1_000_000_000) }
            let message = try #require(
                makeMessage(on: topic, payload: payload, retain: true, properties: properties)
            )
            retained.retain(message, of: tenant)
            return await withCheckedContinuation { done in bus.publish([message]) { done.resume(returning: $0) } }
        }

        func read(_ filter: String = "#", in channel: ChannelID, of tenant: Tenant.ID? = nil) async throws -> [String] {
            let filter = TopicFilter(channel: channel, subtopic: try SubtopicFilter(mqttStyle: filter[...]))
            var found: [String] = []
            var rest: RetainedRange? = .all
            while let range = rest {
                let page = try #require(
                    await withCheckedContinuation { done in
                        retained.read(filter, of: tenant ?? self.tenant, in: range, limit: .max) {
                            done.resume(returning: $0)
                        }
                    }
                )
                found += page.messages.map { "\($0.topic.subtopic.dotted.text):\(String(buffer: $0.payload))" }
                rest = page.rest
            }
            return found
        }

        /// How many are stored, whether anybody gets them or not.
        func count() async throws -> Int64? {
            let info = try await connection.request(
                ByteBuffer(),
                to: "$JS.API.STREAM.INFO.fluxgate-retained",
                timeout: .seconds(2)
            )
            guard case .object(let answer) = try JSONValue(parsing: String(buffer: info)),
                case .object(let state)? = answer["state"], case .integer(let count)? = state["messages"]
            else { return nil }
            return count
        }
    }

    private final class Clock: Sendable {
        /// Since 1970.
        let seconds = Mutex<UInt64>(100)
    }

    private func adapter(maximum: Int = 1_000) async throws -> Adapter {
        try await Adapter(server, of: tenant, maximum: maximum)
    }

    @Test func theLastOfEachTopicIsFoundByEveryFilterThatMatchesAndByEveryProcess() async throws {
        let (adapter, other) = (try await adapter(), try await adapter())
        #expect(try await other.read(in: channel) == [])
        for (payload, subtopic) in [("0", ""), ("1", "a"), ("2", "a/b"), ("3", "c"), ("4", "a"), ("5", "=")] {
            #expect(try await adapter.retain(payload, subtopic, in: channel))
        }
        #expect(try await other.read(in: channel) == [":0", "a.b:2", "c:3", "a:4", "=:5"])
        #expect(try await other.read("a/#", in: channel) == ["a.b:2", "a:4"])
        #expect(try await other.read("+", in: channel) == ["c:3", "a:4", "=:5"])
        #expect(try await other.read("+/b", in: channel) == ["a.b:2"])
        #expect(try await other.read("", in: channel) == [":0"])
        #expect(try await other.read("a", in: channel) == ["a:4"])
        #expect(try await other.read(in: .random()) == [])
        #expect(try await other.read(in: channel, of: .random()) == [])
    }

    @Test func aPlaceIsOfOneMessageAlone() async throws {
        let adapter = try await adapter()
        let filter = TopicFilter(channel: channel, subtopic: try SubtopicFilter(mqttStyle: "a"))
        var places: [UInt64] = []
        for payload in ["one", "two"] {
            try await adapter.retain(payload, "a", in: channel)
            let range = RetainedRange(behind: places.last ?? 0, upTo: .max)
            let page = await withCheckedContinuation { done in
                adapter.retained.read(filter, of: tenant, in: range, limit: .max) { done.resume(returning: $0) }
            }
            places += try #require(page).messages.map(\.place)
        }
        let asked = places
        let found = await withCheckedContinuation { done in
            adapter.retained.readRetained(at: asked) { done.resume(returning: $0) }
        }
        #expect(places.count == 2)
        #expect(found?.mapValues { String(buffer: $0.payload) } == [try #require(places.last): "two"])
    }

    @Test func manyComeInPages() async throws {
        let adapter = try await adapter()
        for number in 0..<300 { try await adapter.retain("\(number)", "t\(number)", in: channel) }
        #expect(try await adapter.read(in: channel) == (0..<300).map { "t\($0):\($0)" })
    }

    @Test func anEmptyOneRemovesItAndTakesNoRoomForLong() async throws {
        let adapter = try await adapter()
        try await adapter.retain("one", "a", in: channel)
        try await adapter.retain("two", "b", in: channel)
        #expect(try await adapter.retain("", "a", in: channel))
        #expect(try await adapter.read(in: channel) == ["b:two"])
        try await eventually { try await adapter.count() == 1 }
        #expect(try await adapter.read(in: channel) == ["b:two"])
    }

    @Test func whatIsTooOldIsntFoundAndIsRemovedByWhoLooksForIt() async throws {
        let adapter = try await adapter()
        try await adapter.retain("short", "a", in: channel, expires: 110)
        try await adapter.retain("long", "b", in: channel, expires: 130)
        #expect(try await adapter.read(in: channel) == ["a:short", "b:long"])
        adapter.clock.seconds.withLock { $0 = 120 }
        #expect(try await adapter.read(in: channel) == ["b:long"])
        try await eventually { try await adapter.count() == 1 }
    }

    @Test func aChannelHasNotMuchMoreThanItMay() async throws {
        let (adapter, other) = (try await adapter(maximum: 3), ChannelID.random())
        for number in 0..<20 { #expect(try await adapter.retain("\(number)", "t\(number)", in: channel)) }
        let kept = try await adapter.read(in: channel)
        #expect((3...6).contains(kept.count), "they are counted in the background")
        try await eventually {
            let name = "\(UInt64.random(in: 0...(.max)))"
            try await adapter.retain("new", name, in: channel)
            return try await !adapter.read(name, in: channel).contains("\(name):new")
        }
        #expect(try await adapter.retain("0", in: other))
        #expect(try await adapter.read(in: other) == [":0"])
        // With some less there is room again.
        for text in try await adapter.read(in: channel) {
            try await adapter.retain("", String(text.prefix { $0 != ":" }), in: channel)
        }
        try await eventually {
            try await adapter.retain("new", "more", in: channel)
            return try await adapter.read(in: channel) == ["more:new"]
        }
    }

    @Test func manyUpdatesOfOneTopicAreAllRetained() async throws {
        let adapter = try await adapter(maximum: 3)
        for number in 0..<400 {
            try await adapter.retain("\(number)", "a", in: channel)
            if number % 100 == 99 { await adapter.retained.tidy() }
        }
        try await adapter.retain("last", "a", in: channel)
        #expect(try await adapter.read(in: channel) == ["a:last"])
    }

    @Test func itIsGoneWithItsChannelAndItsTenant() async throws {
        let (adapter, other) = (try await adapter(), ChannelID.random())
        for channel in [channel, other] {
            try await adapter.retain("0", in: channel)
            try await adapter.retain("1", "a/b", in: channel)
        }
        adapter.retained.apply(.channelRemoved(channel))
        try await eventually { try await adapter.count() == 2 }
        #expect(try await adapter.read(in: other) == [":0", "a.b:1"])
        adapter.retained.apply(.tenantRemoved(tenant))
        try await eventually { try await adapter.count() == 0 }
    }

    @Test func whatCantBeRetainedIsntAcknowledged() async throws {
        let adapter = try await adapter()
        let message = try #require(makeMessage(on: try Topic(channel: channel), payload: "x", retain: true))
        // Nobody has said whose it is.
        let isSafe = await withCheckedContinuation { done in
            adapter.bus.publish([message]) { done.resume(returning: $0) }
        }
        #expect(!isSafe)
    }
}
