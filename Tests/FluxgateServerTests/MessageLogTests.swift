import FluxgateServer
import Logging
import Messaging
import Model
import NIOCore
import Synchronization
import TestSupport
import Testing

/// What sessions read of the messages that are kept.
@Suite(.timeLimit(.minutes(1))) struct MessageLogTests {
    private let database: TemporarySQLite
    private let topic: Topic
    private let other: Topic

    init() throws {
        database = try TemporarySQLite()
        topic = try Topic(channel: .random())
        other = try Topic(channel: .random())
    }

    private final class Follower: LogReceiver {
        private let list = Mutex<[(places: [UInt64], end: UInt64)]>([])
        var places: [UInt64] { list.withLock { $0.flatMap(\.places) } }
        var ends: [UInt64] { list.withLock { $0.map(\.end) } }

        func logged(_ messages: [Message], upTo place: UInt64) {
            list.withLock { $0.append((messages.map(\.place), place)) }
        }
    }

    private func running(keepsAll: Bool = true, _ body: (MessageStore) async throws -> Void) async throws {
        let store = try await MessageStore(
            database,
            keepsAll: keepsAll,
            maximumBytes: 1 << 24,
            maximumAge: .seconds(3_600),
            logger: Logger(label: "test")
        )
        let service = Task { await store.run() }
        try await body(store)
        service.cancel()
        await service.value
    }

    private func publish(_ store: MessageStore, _ texts: [String], on topic: Topic, qos: UInt8 = 1) async throws {
        let batch = try texts.map { try #require(makeMessage(on: topic, payload: $0, qos: qos)) }
        let isSafe = await withCheckedContinuation { done in store.publish(batch) { done.resume(returning: $0) } }
        #expect(isSafe)
    }

    private func read(
        _ store: MessageStore,
        _ topics: Topic...,
        after place: UInt64 = 0,
        limit: Int = 100
    ) async throws -> LogPage {
        let page = await withCheckedContinuation { done in
            store.read(topics.map(\.channel), after: place, limit: limit) { done.resume(returning: $0) }
        }
        return try #require(page)
    }

    private func texts(_ page: LogPage) -> [String] { page.messages.map { String(buffer: $0.payload) } }

    @Test func onlyWhatIsKeptAndAcknowledgedIsInIt() async throws {
        try await running { store in
            try await publish(store, ["before"], on: topic)
            store.keep(topic.channel)
            store.keep(topic.channel)
            try await publish(store, ["1"], on: topic)
            try await publish(store, ["other"], on: other)
            try await publish(store, ["QoS 0"], on: topic, qos: 0)
            store.forget(topic.channel)
            try await publish(store, ["2"], on: topic)
            store.forget(topic.channel)
            try await publish(store, ["after"], on: topic)

            let page = try await read(store, topic, other)
            #expect(texts(page) == ["1", "2"])
            #expect(page.messages.map(\.place) == [2, 5])
            #expect(page.end == 6 && page.isLast && store.newest == 6)
        }
    }

    @Test func pagesOfSeveralChannelsAreInOneOrderAndWithoutGaps() async throws {
        try await running { store in
            for topic in [topic, other] { store.keep(topic.channel) }
            var expected: [String] = []
            for number in 0..<60 {
                // One channel has far more than the other.
                try await publish(store, ["\(number)"], on: number % 7 == 0 ? other : topic)
                expected.append("\(number)")
            }
            for limit in [1, 2, 3, 10, 59, 60, 61] {
                var (found, place, isLast): ([String], UInt64, Bool) = ([], 0, false)
                while !isLast {
                    let page = try await read(store, topic, other, after: place, limit: limit)
                    #expect(page.messages.count <= limit && (page.end > place || page.isLast))
                    #expect(page.messages.allSatisfy { $0.place > place && $0.place <= page.end })
                    (found, place, isLast) = (found + texts(page), page.end, page.isLast)
                }
                #expect(found == expected, "limit \(limit)")
            }
        }
    }

    @Test func aPageOfLargeMessagesIsShort() async throws {
        try await running { store in
            store.keep(topic.channel)
            let large = String(repeating: "x", count: 400_000)
            for _ in 0..<3 { try await publish(store, [large], on: topic) }
            try await publish(store, [String(repeating: "x", count: 2_000_000)], on: topic)
            var (sizes, place, isLast): ([Int], UInt64, Bool) = ([], 0, false)
            while !isLast {
                let page = try await read(store, topic, after: place)
                sizes.append(page.messages.count)
                (place, isLast) = (page.end, page.isLast)
            }
            #expect(sizes == [2, 1, 1])
        }
    }

    @Test func whoFollowsHearsOfEachOnceWithItsPlace() async throws {
        let follower = Follower()
        try await running { store in
            store.follow(follower)
            store.keep(topic.channel)
            try await publish(store, ["1", "2"], on: topic)
            try await publish(store, ["x", "y"], on: other)
            try await publish(store, ["3"], on: topic)
        }
        #expect(follower.places == [1, 2, 5])
        #expect(follower.ends.last == 5)
    }

    @Test func placesGoOnAfterARestart() async throws {
        try await running { store in
            store.keep(topic.channel)
            try await publish(store, ["1"], on: topic)
        }
        try await running { store in
            #expect(store.newest == 1)
            store.keep(topic.channel)
            try await publish(store, ["2"], on: topic)
            #expect(texts(try await read(store, topic)) == ["1", "2"])
            #expect(texts(try await read(store, topic, after: 1)) == ["2"])
            #expect(try await read(store, topic, after: 9).end == 9)
        }
    }

    /// Then it is told what sessions want and nothing else, or nearly so.
    @Test func withoutDurabilityTheRestIsntStored() async throws {
        try await running(keepsAll: false) { store in
            #expect(!store.stores)
            #expect(store.interest?.isInterested(loop: 0, in: topic.channel) == false)
            store.keep(topic.channel)
            #expect(store.interest?.isInterested(loop: 0, in: topic.channel) == true)
            try await publish(store, ["1"], on: topic)
            store.forget(topic.channel)
            #expect(store.interest?.isInterested(loop: 0, in: topic.channel) == false)
            #expect(texts(try await read(store, topic)) == ["1"])
        }
    }
}
