import Messaging
import Model
import NIOCore
import TestSupport
import Testing

/// Topics for conformance suites: names and filters as MQTT has them, section 4.7 of both standards.
@Suite struct AnyTopicTests {
    private func topic(_ name: String) throws -> Topic {
        try MQTTTopics.any.topic(ByteBuffer(string: name).readableBytesView)
    }

    private func matches(_ filter: String, _ name: String) throws -> Bool {
        let (filter, topic) = (try MQTTTopics.any.filter(filter), try topic(name))
        var trie = SubscriptionTrie<Int>()
        final class Holder {}
        trie.insert(1, of: ObjectIdentifier(Holder()), to: filter.channel, filter.subtopic)
        var found = false
        trie.forEachMatch(topic.channel, topic.subtopic) { _ in found = true }
        return found
    }

    /// [MQTT-4.7.1-1] to [MQTT-4.7.1-3], [MQTT-4.7.2-1], [MQTT-4.7.3-4]
    @Test(arguments: [
        ("sport/tennis/player1/#", "sport/tennis/player1", true),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true),
        ("sport/#", "sport", true), ("#", "sport", true), ("#", "/a", true), ("#", "a//b", true),
        ("sport/tennis/+", "sport/tennis/player1", true),
        ("sport/tennis/+", "sport/tennis/player1/ranking", false),
        ("sport/+", "sport", false), ("sport/+", "sport/", true),
        ("+/+", "/finance", true), ("/+", "/finance", true), ("+", "/finance", false), ("+", "finance", true),
        ("#", "$SYS/uptime", false), ("+/uptime", "$SYS/uptime", false), ("$SYS/#", "$SYS/uptime", true),
        ("$SYS/+", "$SYS/uptime", true), ("a.b", "a/b", false), ("a b", "a b", true), ("Accounts", "ACCOUNTS", false),
        ("/", "/", true), ("a/", "a", false), ("é", "e\u{301}", false),
    ])
    func filtersMatch(filter: String, name: String, expected: Bool) throws {
        #expect(try matches(filter, name) == expected)
    }

    /// [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1]
    @Test(arguments: ["", "a/#/b", "a#", "a+", "+a/b", "#/a"]) func badFiltersAreRefused(filter: String) {
        #expect(throws: TopicError.self) { try MQTTTopics.any.filter(filter) }
    }

    /// [MQTT-3.3.2-2]
    @Test(arguments: ["", "a/+", "#", "a/#", String(repeating: "x", count: 2_000)]) func badNamesAreRefused(
        name: String
    ) {
        #expect(throws: TopicError.self) { try topic(name) }
    }

    @Test func aNameIsDeliveredAsItIsAlsoOutOfAStore() throws {
        for name in ["a", "/", "a//b", "$x/y", "a.b c/ü"] {
            let message = try #require(makeMessage(on: topic(name)))
            var buffer = ByteBuffer()
            BusMessage.append(message, prefix: BusMessage.prefix(of: message.topic), to: &buffer)
            var reader = BusMessageReader()
            let read = try reader.read(buffer).message
            #expect(read.topic == message.topic && String(buffer: read.topic.plainName) == name)
        }
    }
}
