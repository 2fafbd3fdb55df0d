import Messaging
import Model
import Testing

private let id = "0f6b2a1c-3d4e-4f50-8a9b-0c1d2e3f4a5b"
private let base = "channels/\(id)/messages"

@Suite struct TopicFilterTests {
    /// A filter as text, so that tables stay readable: `+` for any level, `…>` and `…#` for the tails.
    private func text(_ filter: SubtopicFilter) -> String {
        let levels = filter.levels.map { level in
            switch level {
            case .any: "+"
            case .literal(let name): name.text
            }
        }
        let tail =
            switch filter.tail {
            case .exact: [String]()
            case .below: ["…>"]
            case .belowAndSelf: ["…#"]
            }
        return (levels + tail).joined(separator: "|")
    }

    @Test(arguments: [
        (base, "", String?.none),
        ("\(base)/", "", nil),
        ("\(base)/#", "…#", nil),
        ("\(base)/a/#", "a|…#", nil),
        ("\(base)/+", "+", nil),
        ("\(base)/+/a/+", "+|a|+", nil),
        ("\(base)/+/#", "+|…#", nil),
        ("\(base)/a.b//c", "a|b|c", nil),
        ("\(base)/ct/#", "ct|…#", nil),
        ("\(base)/ct/text_plain", "", "text_plain"),
        ("\(base)/#/ct/text_plain", "…#", "text_plain"),
        ("\(base)/+/ct/a_b-c", "+", "a_b-c"),
        ("\(base)/ct", "ct", nil),
        ("\(base)/ct/", "ct", nil),
        ("channels/\(id.uppercased())/messages/A", "A", nil),
    ])
    func readsAnMQTTFilter(filter: String, levels: String, type: String?) throws {
        let filter = try MQTTTopicParser.filter(filter)

        #expect(filter.channel.description == id)
        #expect(text(filter.subtopic) == levels)
        #expect(filter.contentType?.text == type)
    }

    @Test(arguments: [
        ("", TopicError.notAMessageTopic),
        ("#", .notAMessageTopic),
        ("channels/#", .notAMessageTopic),
        ("channels/+/messages", .notAChannel),
        ("channels/+/messages/#", .notAChannel),
        ("+/\(id)/messages", .notAMessageTopic),
        ("channels/\(id)/+", .notAMessageTopic),
        ("channels/\(id)/#", .notAMessageTopic),
        ("$SYS/#", .notAMessageTopic),
        ("$share/group/\(base)", .notAMessageTopic),
        ("\(base)#", .notAMessageTopic),
        ("\(base)/a#", .misplacedWildcard),
        ("\(base)/#/a", .misplacedWildcard),
        ("\(base)/#/#", .misplacedWildcard),
        ("\(base)/a+", .misplacedWildcard),
        ("\(base)/++", .misplacedWildcard),
        ("\(base)/+\u{301}", .misplacedWildcard),
        ("\(base)/*", .misplacedWildcard),
        ("\(base)/>", .misplacedWildcard),
        ("\(base)/ct/+", .misplacedWildcard),
        ("\(base)/ct/a#", .misplacedWildcard),
        ("\(base)/a b", .forbiddenCharacter),
        ("\(base)/\u{85}", .forbiddenCharacter),
        ("\(base)/a\u{2029}/#", .forbiddenCharacter),
    ])
    func refusesAnMQTTFilter(filter: String, error: TopicError) {
        #expect(throws: error) { try MQTTTopicParser.filter(filter) }
    }

    @Test(arguments: [
        ("", ""), ("/", ""), ("/>", "…>"), ("/*", "+"), ("/a/*/b", "a|+|b"), ("/*/>", "+|…>"), ("/a.>", "a|…>"),
        ("/a//>/", "a|…>"),
    ])
    func readsAWebSocketFilter(path: String, levels: String) throws {
        #expect(text(try SubtopicFilter(natsStyle: path[...])) == levels)
    }

    @Test(arguments: ["/>/a", "/>/>", "/a>", "/a*", "/**", "/+", "/#", "/a/#", "/>\u{301}"])
    func refusesAWebSocketFilterWithAMisplacedWildcard(path: String) {
        #expect(throws: TopicError.misplacedWildcard) { try SubtopicFilter(natsStyle: path[...]) }
    }

    @Test func filtersThatOnlyLookAlikeAreDifferent() throws {
        #expect(try MQTTTopicParser.filter("\(base)/\u{E9}") != MQTTTopicParser.filter("\(base)/e\u{301}"))
    }

    @Test func differentSpellingsOfOneFilterAreOne() throws {
        #expect(try MQTTTopicParser.filter("\(base)//a.b/+/") == MQTTTopicParser.filter("\(base)/a/b/+"))
    }

    @Test func onlyAFilterWithoutWildcardsNamesASubtopic() throws {
        #expect(try SubtopicFilter(natsStyle: "/a/b").literal?.dotted == "a.b")
        #expect(try SubtopicFilter(natsStyle: "").literal == Subtopic.none)
        #expect(try SubtopicFilter(natsStyle: "/a/*").literal == nil)
        #expect(try SubtopicFilter(natsStyle: "/a/>").literal == nil)
        #expect(try SubtopicFilter(mqttStyle: "/a/#").literal == nil)
    }

    @Test(arguments: ["a", "a.b", "/a/b"])
    func theLongestFilterWithoutWildcardsNamesASubtopic(start: String) throws {
        let longest = start + String(repeating: "x", count: Subtopic.maximumLength - start.utf8.count)

        #expect(try SubtopicFilter(natsStyle: longest[...]).literal == Subtopic(longest[...]))
    }
}

@Suite struct SubtopicTests {
    @Test func aSubtopicMayHave1024Bytes() throws {
        let longest = String(repeating: "é", count: Subtopic.maximumLength / 2)

        #expect(try Subtopic(longest[...]).dotted == ExactText(longest))
        #expect(throws: TopicError.tooLong) { try Subtopic((longest + "x")[...]) }
        #expect(throws: TopicError.tooLong) { try SubtopicFilter(mqttStyle: (longest + "x")[...]) }
    }

    @Test func aSubtopicMayHave64Levels() throws {
        let deepest = String(repeating: "/a", count: Subtopic.maximumDepth)

        #expect(try Subtopic(deepest[...]).levels.count == Subtopic.maximumDepth)
        #expect(throws: TopicError.tooLong) { try Subtopic((deepest + "/b")[...]) }
        #expect(throws: TopicError.tooLong) { try SubtopicFilter(natsStyle: (deepest + "/>")[...]) }
    }

    @Test func emptyLevelsCountForNothing() throws {
        let slashes = String(repeating: "/", count: Subtopic.maximumLength)

        #expect(try Subtopic(slashes[...]) == .none)
    }
}
