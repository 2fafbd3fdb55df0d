import FluxgateServer
import Foundation
import Logging
import Messaging
import Model
import NIOCore
import SQL
import TestSupport
import Testing

/// What is kept for later subscribers.
@Suite(.timeLimit(.minutes(1))) struct RetainedMessagesTests {
    private let database: TemporarySQLite
    private let channel = ChannelID.random()
    private let tenant = Tenant.ID.random()

    init() throws { database = try TemporarySQLite() }

    private func running(maximum: Int = 1_000, _ body: (MessageStore) async throws -> Void) async throws {
        let store = try await MessageStore(
            database,
            keepsAll: false,
            maximumBytes: 1 << 20,
            maximumAge: .seconds(3_600),
            maximumRetained: maximum,
            logger: Logger(label: "test")
        )
        let service = Task { await store.run() }
        try await body(store)
        service.cancel()
        await service.value
    }

    private func retain(
        _ store: MessageStore,
        _ payload: String,
        _ subtopic: String = "",
        type: String = "",
        expires: UInt64? = nil
    ) throws {
        let topic = try Topic(channel: channel, subtopic: Subtopic(subtopic[...]), contentType: type)
        let properties = MessageProperties(expires: expires)
        store.retain(try #require(makeMessage(on: topic, payload: payload, properties: properties)), of: tenant)
    }

    private func read(_ store: MessageStore, _ filter: String = "#") async throws -> [String] {
        let filter = TopicFilter(channel: channel, subtopic: try SubtopicFilter(mqttStyle: filter[...]))
        var found: [String] = []
        var rest: RetainedRange? = .all
        while let range = rest {
            let page = try #require(
                await withCheckedContinuation { done in
                    store.read(filter, of: tenant, in: range, limit: .max) { done.resume(returning: $0) }
                }
            )
            found += page.messages.map { "\($0.topic.subtopic.dotted.text):\(String(buffer: $0.payload))" }
            rest = page.rest
        }
        return found
    }

    @Test func theLastOfEachTopicIsFoundByEveryFilterThatMatches() async throws {
        try await running { store async throws in
            #expect(try await read(store) == [])
            for (payload, topic) in [("0", ""), ("1", "a"), ("2", "a/b"), ("3", "c"), ("4", "a")] {
                try retain(store, payload, topic)
            }
            #expect(try await read(store) == [":0", "a.b:2", "c:3", "a:4"])
            #expect(try await read(store, "a/#") == ["a.b:2", "a:4"])
            #expect(try await read(store, "+") == ["c:3", "a:4"])
            #expect(try await read(store, "") == [":0"])
            // One for a topic, whatever its type.
            try retain(store, "5", "c", type: "text/plain")
            #expect(try await read(store, "c") == ["c:5"])
        }
        try await running { store async throws in #expect(try await read(store).count == 4) }
    }

    @Test func anEmptyOneRemovesIt() async throws {
        try await running { store async throws in
            try retain(store, "", "a")
            try retain(store, "1", "a")
            try retain(store, "", "a")
            #expect(try await read(store) == [])
            try retain(store, "2", "a")
            #expect(try await read(store) == ["a:2"])
        }
    }

    @Test func whatIsTooOldIsGone() async throws {
        try await running { store async throws in
            let now = UInt64(Date.now.timeIntervalSince1970 * 1e9)
            try retain(store, "old", "a", expires: now - 1)
            try retain(store, "new", "b", expires: now + 1_000_000_000_000)
            #expect(try await read(store) == ["b:new"])
            store.removeExpiredRetained()
            #expect(try await read(store) == ["b:new"])
            let rows = try await database.read { session in try session.query("SELECT channel FROM retained", []).count
            }
            #expect(rows == 1)
        }
    }

    @Test func aChannelHasOnlySoMany() async throws {
        try await running(maximum: 3) { store in
            for number in 0..<5 { try retain(store, "\(number)", "t\(number)") }
            #expect(try await read(store) == ["t0:0", "t1:1", "t2:2"])
            try retain(store, "", "t1")
            #expect(try await read(store).count == 2)
            try retain(store, "5", "t5")
            #expect(try await read(store) == ["t0:0", "t2:2", "t5:5"])
            // It may be replaced when there is room for one more, until it is known to replace one.
            try retain(store, "", "t5")
            #expect(try await read(store).count == 2)
            try retain(store, "6", "t2")
            #expect(try await read(store) == ["t0:0", "t2:6"])
        }
    }

    @Test(arguments: [false, true]) func itIsGoneWithItsChannelAndItsAccount(isTenant: Bool) async throws {
        try await running { store async throws in
            try retain(store, "1", "a")
            store.apply(.channelRemoved(.random()))
            store.apply(.tenantRemoved(.random()))
            store.apply(.thingRemoved(.random()))
            #expect(try await read(store) == ["a:1"])
            store.apply(isTenant ? .tenantRemoved(tenant) : .channelRemoved(channel))
            #expect(try await read(store) == [])
        }
    }

    @Test func aPlaceIsOfOneMessageAlone() async throws {
        var places: [UInt64] = []
        for round in 1...3 {
            try await running { store async throws in
                try retain(store, "\(round)", "a")
                let filter = TopicFilter(channel: channel, subtopic: try SubtopicFilter(mqttStyle: "a"))
                let range = RetainedRange(behind: places.last ?? 0, upTo: .max)
                let page = await withCheckedContinuation { done in
                    store.read(filter, of: tenant, in: range, limit: .max) { done.resume(returning: $0) }
                }
                places += try #require(page).messages.map(\.place)
                let asked = places
                let found = await withCheckedContinuation { done in
                    store.readRetained(at: asked) { done.resume(returning: $0) }
                }
                #expect(found?.mapValues { String(buffer: $0.payload) } == [try #require(places.last): "\(round)"])
            }
        }
        #expect(places.count == 3 && places == places.sorted())
    }

    @Test func manyComeInPages() async throws {
        try await running { store async throws in
            for number in 0..<300 { try retain(store, "\(number)", String(format: "t/%03d", number)) }
            #expect(try await read(store) == (0..<300).map { String(format: "t.%03d:%d", $0, $0) })
            #expect(try await read(store, "t/299") == ["t.299:299"])
            for number in 0..<4 { try retain(store, String(repeating: "x", count: 600_000), "large/\(number)") }
            #expect(try await read(store, "large/#").count == 4)
        }
    }
}
