import Messaging
import Model
import TestSupport
import Testing

private final class Subscriber {
    let name: String
    init(_ name: String) { self.name = name }
}

@Suite struct SubscriptionTrieTests {
    private let channel = ChannelID.random()

    private func filter(_ text: String) throws -> SubtopicFilter { try SubtopicFilter(mqttStyle: text[...]) }

    private func matches(_ trie: SubscriptionTrie<String>, _ subtopic: String) throws -> [String] {
        var found: [String] = []
        trie.forEachMatch(channel, try Subtopic(subtopic[...])) { found.append($0) }
        return found.sorted()
    }

    @Test func everyWildcardMatchesWhatItsProtocolSays() throws {
        var trie = SubscriptionTrie<String>()
        let holders = (0..<8).map { Subscriber("\($0)") }
        for (holder, text) in zip(holders, ["", "a", "a/b", "+", "a/+", "#", "a/#", "+/b"]) {
            trie.insert(text, of: ObjectIdentifier(holder), to: channel, try filter(text))
        }
        let below = Subscriber("below")
        trie.insert("a.>", of: ObjectIdentifier(below), to: channel, try SubtopicFilter(natsStyle: "a/>"))

        #expect(try matches(trie, "") == ["", "#"])
        #expect(try matches(trie, "a") == ["#", "+", "a", "a/#"])
        #expect(try matches(trie, "a/b") == ["#", "+/b", "a.>", "a/#", "a/+", "a/b"])
        #expect(try matches(trie, "a/b/c") == ["#", "a.>", "a/#"])
        #expect(try matches(trie, "b") == ["#", "+"])
        #expect(try matches(trie, "A") == ["#", "+"])
        withExtendedLifetime((holders, below)) {}
    }

    @Test func aHolderHasOneSubscriptionUnderOneFilter() throws {
        var trie = SubscriptionTrie<String>()
        let holder = Subscriber("a")

        #expect(try trie.insert("first", of: ObjectIdentifier(holder), to: channel, filter("a")))
        #expect(try !trie.insert("second", of: ObjectIdentifier(holder), to: channel, filter("a")))
        #expect(try trie.insert("third", of: ObjectIdentifier(holder), to: channel, filter("+")))

        #expect(try matches(trie, "a") == ["second", "third"])
        #expect(try trie.remove(ObjectIdentifier(holder), from: channel, filter("a")))
        #expect(try !trie.remove(ObjectIdentifier(holder), from: channel, filter("a")))
        #expect(try matches(trie, "a") == ["third"])
        withExtendedLifetime(holder) {}
    }

    @Test func manyUnderOneFilterComeAndGoInAnyOrder() throws {
        var (trie, expected, random) = (SubscriptionTrie<String>(), Set<String>(), SeededGenerator(seed: 7))
        let holders = (0..<200).map { Subscriber("\($0)") }
        let filter = try filter("a")
        for _ in 0..<5_000 {
            guard let holder = holders.prefix(.random(in: 1...200, using: &random)).last else { continue }
            if Bool.random(using: &random) {
                let isNew = trie.insert(holder.name, of: ObjectIdentifier(holder), to: channel, filter)
                #expect(isNew == expected.insert(holder.name).inserted)
            } else {
                let isGone = trie.remove(ObjectIdentifier(holder), from: channel, filter)
                #expect(isGone == (expected.remove(holder.name) != nil))
            }
            #expect(trie.isEmpty == expected.isEmpty)
        }
        #expect(try matches(trie, "a") == expected.sorted())
        for holder in holders { trie.remove(ObjectIdentifier(holder), from: channel, filter) }
        #expect(trie.isEmpty)
    }

    @Test func channelsAreApart() throws {
        var trie = SubscriptionTrie<String>()
        let holder = Subscriber("a")
        trie.insert("other", of: ObjectIdentifier(holder), to: .random(), try filter("#"))

        #expect(try matches(trie, "").isEmpty)
        withExtendedLifetime(holder) {}
    }

    @Test func everyChangeStartsANewGeneration() throws {
        var trie = SubscriptionTrie<String>()
        let holder = Subscriber("a")
        var seen: Set<Int> = [trie.generation]
        trie.insert("1", of: ObjectIdentifier(holder), to: channel, try filter("a"))
        #expect(seen.insert(trie.generation).inserted)
        trie.insert("2", of: ObjectIdentifier(holder), to: channel, try filter("a"))
        #expect(seen.insert(trie.generation).inserted)
        trie.remove(ObjectIdentifier(holder), from: channel, try filter("a"))
        #expect(seen.insert(trie.generation).inserted)
        withExtendedLifetime(holder) {}
    }

    /// Compares with a matcher that walks through all subscriptions and knows nothing of tries.
    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func matchesLikeANaiveMatcherThroughRandomChanges(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let channels = [ChannelID.random(using: &random), .random(using: &random)]
        let holders = (0..<6).map { Subscriber("\($0)") }
        var trie = SubscriptionTrie<Int>()
        var naive = NaiveMatcher()
        for step in 0..<3_000 {
            let place = NaiveMatcher.Place(
                holder: ObjectIdentifier(random.pick(holders)),
                channel: random.pick(channels),
                filter: randomFilter(&random)
            )
            if Int.random(in: 0..<5, using: &random) < 3 {
                let isNew = trie.insert(step, of: place.holder, to: place.channel, place.filter)
                #expect(isNew == (naive.subscriptions.updateValue(step, forKey: place) == nil))
            } else {
                let removed = trie.remove(place.holder, from: place.channel, place.filter)
                #expect(removed == (naive.subscriptions.removeValue(forKey: place) != nil))
            }
            let subtopic = try randomSubtopic(&random)
            let channel = random.pick(channels)
            var found: [Int] = []
            trie.forEachMatch(channel, subtopic) { found.append($0) }
            #expect(found.sorted() == naive.matches(channel, subtopic), "step \(step)")
            #expect(trie.isEmpty == naive.subscriptions.isEmpty)
        }
        for place in naive.subscriptions.keys { trie.remove(place.holder, from: place.channel, place.filter) }
        #expect(trie.isEmpty)
        withExtendedLifetime(holders) {}
    }

    private func randomFilter(_ random: inout SeededGenerator) -> SubtopicFilter {
        let levels = (0..<Int.random(in: 0..<4, using: &random)).map { _ in
            random.pick([SubtopicFilter.Level.any, .literal("a"), .literal("b"), .literal("é")])
        }
        return SubtopicFilter(levels: levels, tail: random.pick([.exact, .exact, .below, .belowAndSelf]))
    }

    private func randomSubtopic(_ random: inout SeededGenerator) throws -> Subtopic {
        let levels = (0..<Int.random(in: 0..<5, using: &random)).map { _ in random.pick(["a", "b", "é", "e\u{301}"]) }
        return try Subtopic(levels.joined(separator: "/")[...])
    }
}

/// Subscriptions in a plain table.
private struct NaiveMatcher {
    struct Place: Hashable {
        let holder: ObjectIdentifier
        let channel: ChannelID
        let filter: SubtopicFilter
    }

    var subscriptions: [Place: Int] = [:]

    func matches(_ channel: ChannelID, _ subtopic: Subtopic) -> [Int] {
        subscriptions.filter { $0.key.channel == channel && Self.matches($0.key.filter, subtopic.levels) }.values
            .sorted()
    }

    private static func matches(_ filter: SubtopicFilter, _ levels: [ExactText]) -> Bool {
        let rest = levels.count - filter.levels.count
        guard rest >= 0 else { return false }
        for (wanted, level) in zip(filter.levels, levels) {
            if case .literal(let text) = wanted, text != level { return false }
        }
        return switch filter.tail {
        case .exact: rest == 0
        case .below: rest > 0
        case .belowAndSelf: true
        }
    }
}

extension ChannelID {
    fileprivate static func random(using random: inout SeededGenerator) -> Self {
        Self(UniqueID.random(using: &random))
    }
}

@Suite struct MatchCacheTests {
    @Test func aTopicIsLookedForOncePerGeneration() throws {
        var cache = MatchCache<Topic, Int>()
        var searches = 0
        let topic = try Topic(channel: .random(), subtopic: Subtopic("a"))
        let same = try Topic(channel: topic.channel, subtopic: Subtopic("/a"))
        func matches(_ topic: Topic, _ generation: Int) -> Int {
            cache.matches(of: topic, hash: topic.hash, generation: generation) {
                searches += 1
                return searches
            }
        }

        #expect(matches(topic, 0) == 1)
        #expect(matches(topic, 0) == 1)
        #expect(matches(same, 0) == 1)
        #expect(matches(topic, 1) == 2)
        #expect(matches(topic, 0) == 3)
    }

    @Test func topicsOfOnePlaceDoNotGetEachOthersMatches() throws {
        var cache = MatchCache<Topic, Int>()
        let channel = ChannelID.random()
        let topics = try (0..<2_000).map { try Topic(channel: channel, subtopic: Subtopic("\($0)")) }
        for _ in 0..<2 {
            for (number, topic) in topics.enumerated() {
                #expect(cache.matches(of: topic, hash: topic.hash, generation: 0) { number } == number)
            }
        }
    }

    @Test func theContentTypeIsPartOfTheTopic() throws {
        var cache = MatchCache<Topic, String>()
        let channel = ChannelID.random()
        for type in ["", "a/b", "a/c", "\u{E9}", "e\u{301}"] {
            let topic = try Topic(channel: channel, contentType: type)
            #expect(ExactText(cache.matches(of: topic, hash: topic.hash, generation: 0) { type }) == ExactText(type))
        }
    }
}
