import Messaging
import Model
import NIOCore
import Testing

private let id = "0f6b2a1c-3d4e-4f50-8a9b-0c1d2e3f4a5b"
private let base = "channels/\(id)/messages"

@Suite struct TopicNameTests {
    private func topic(_ name: String, contentType: String? = nil) throws(TopicError) -> Topic {
        try MQTTTopicParser.topic(ByteBuffer(string: name).readableBytesView, contentType: contentType)
    }

    @Test(arguments: [
        (base, "", ""),
        ("\(base)/", "", ""),
        ("\(base)/a", "a", ""),
        ("\(base)/a/b", "a.b", ""),
        ("\(base)/a//b/", "a.b", ""),
        ("\(base)/a.b", "a.b", ""),
        ("\(base)/..", "", ""),
        ("\(base)/é/漢", "é.漢", ""),
        ("\(base)/a%2Fb", "a%2Fb", ""),
        ("\(base)/ct/text_plain", "", "text/plain"),
        ("\(base)/a/ct/application_senml-json", "a", "application/senml+json"),
        ("\(base)/a/ct/a_b_c-d-e", "a", "a/b_c+d-e"),
        ("\(base)/ct/ct/x", "ct", "x"),
        ("\(base)/ct", "ct", ""),
        ("\(base)/a/ct/", "a.ct", ""),
        ("\(base)/act/x", "act.x", ""),
        ("\(base)/a/CT/x", "a.CT.x", ""),
        ("\(base)/a/ct/x/y", "a.ct.x.y", ""),
    ])
    func readsSubtopicAndContentTypeOfAName(name: String, subtopic: String, type: String) throws {
        let topic = try topic(name)

        #expect(topic.channel.description == id)
        #expect(topic.subtopic.dotted == ExactText(subtopic))
        #expect(topic.contentType == ExactText(type))
    }

    @Test(arguments: [
        ("", TopicError.notAMessageTopic),
        ("/\(base)", .notAMessageTopic),
        ("channels/\(id)", .notAMessageTopic),
        ("channels/\(id)/messages2", .notAMessageTopic),
        ("channels/\(id)/Messages", .notAMessageTopic),
        ("Channels/\(id)/messages", .notAMessageTopic),
        ("channels//messages", .notAChannel),
        ("$SYS/broker/uptime", .notAMessageTopic),
        ("channels/+/messages", .notAChannel),
        ("channels/\(id.filter { $0 != "-" })/messages", .notAChannel),
        ("channels/{\(id)}/messages", .notAChannel),
        ("channels/\(id.dropLast())/messages", .notAChannel),
        ("channels/\(id.dropLast())g/messages", .notAChannel),
        ("channels/\(id.dropLast())\u{301}/messages", .notAChannel),
        ("channels/\u{301}\(id)/messages", .notAChannel),
        ("channels/\(id)/messages\u{301}", .notAMessageTopic),
        ("channels/\(id)/messages\u{301}/a", .notAMessageTopic),
        ("\(base)/a b", .forbiddenCharacter),
        ("\(base)/a\u{0}", .forbiddenCharacter),
        ("\(base)/a\u{1F}b", .forbiddenCharacter),
        ("\(base)/\u{7F}", .forbiddenCharacter),
        ("\(base)/a\r\nPUB x 1", .forbiddenCharacter),
        ("\(base)/a\u{80}", .forbiddenCharacter),
        ("\(base)/a\u{85}b", .forbiddenCharacter),
        ("\(base)/a\u{9F}b", .forbiddenCharacter),
        ("\(base)/a\u{A0}b", .forbiddenCharacter),
        ("\(base)/\u{1680}", .forbiddenCharacter),
        ("\(base)/\u{2003}", .forbiddenCharacter),
        ("\(base)/\u{2028}", .forbiddenCharacter),
        ("\(base)/\u{3000}", .forbiddenCharacter),
        ("\(base)/\u{FFFE}", .forbiddenCharacter),
        ("\(base)/\u{10FFFF}", .forbiddenCharacter),
        ("\(base)/*", .misplacedWildcard),
        ("\(base)/a/>", .misplacedWildcard),
        ("\(base)/a>b", .misplacedWildcard),
        ("\(base)/+/a", .misplacedWildcard),
        ("\(base)/a#", .misplacedWildcard),
        ("\(base)/ct/#", .misplacedWildcard),
        ("\(base)/ct/a\u{1}b", .badContentType),
        ("\(base)/ct/a\u{85}", .badContentType),
        ("\(base)/ct/\(String(repeating: "x", count: 1_025))", .badContentType),
    ])
    func refusesWhatIsNoTopicOfOurs(name: String, error: TopicError) {
        #expect(throws: error) { try topic(name) }
    }

    @Test func refusesBytesThatAreNoUTF8() {
        for bytes in [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xE6, 0xBC]] as [[UInt8]] {
            let name = ByteBuffer(bytes: Array("\(base)/a".utf8) + bytes)
            #expect(throws: TopicError.notUTF8) { try MQTTTopicParser.topic(name.readableBytesView) }
        }
    }

    @Test func takesAChannelInCapitalsAndNamesItInSmallLetters() throws {
        let topic = try topic("channels/\(id.uppercased())/messages/A")

        #expect(topic.plainName == ByteBuffer(string: "\(base)/A"))
    }

    @Test func aSlashWithACombiningAccentBehindItStillSeparatesLevels() throws {
        let topic = try topic("\(base)/a/\u{301}b/\u{308}")

        #expect(topic.subtopic.levels == ["a", "\u{301}b", "\u{308}"])
    }

    @Test func textsThatOnlyLookAlikeAreDifferentTopics() throws {
        let composed = try topic("\(base)/\u{E9}")
        let decomposed = try topic("\(base)/e\u{301}")
        let kelvin = try topic("\(base)/\u{212A}")

        #expect(composed != decomposed)
        #expect(try topic("\(base)/K") != kelvin)
        #expect(composed.subtopic != decomposed.subtopic)
    }

    @Test func theTypeGivenBesideTheNameGoesBeforeTheOneInIt() throws {
        let topic = try topic("\(base)/a/ct/text_plain", contentType: "a/b_c")

        #expect(topic.contentType == "a/b_c")
        #expect(topic.subtopic.dotted == "a")
    }

    @Test(arguments: ["a\u{0}", "text/plain\r\nX: y", "\u{85}", "\u{FFFF}", String(repeating: "é", count: 513)])
    func refusesAContentTypeThatASubscriberCouldTakeForMalformed(type: String) {
        #expect(throws: TopicError.badContentType) { try topic(base, contentType: type) }
        #expect(throws: TopicError.badContentType) { try Topic(channel: .random(), contentType: type) }
    }

    @Test func namesItsTopicWithAndWithoutTheType() throws {
        let topic = try topic("\(base)/a.b/ct/application_senml-json")

        #expect(topic.plainName == ByteBuffer(string: "\(base)/a/b"))
        #expect(topic.typedName == ByteBuffer(string: "\(base)/a/b/ct/application_senml-json"))
    }

    @Test func aTopicWithoutTypeHasOneName() throws {
        let topic = try topic("\(base)/a")

        #expect(topic.typedName == topic.plainName)
    }

    @Test(arguments: [
        ("", ""), ("text/plain", "text_plain"), ("application/senml+json", "application_senml-json"),
        ("a/b/c+d+e", "a_b_c-d-e"), ("text/plain; charset=utf-8", "text_plain; charset=utf-8"),
        ("a/\u{301}+\u{301}", "a_\u{301}-\u{301}"),
    ])
    func encodesEverySlashAndPlusOfAContentType(type: String, encoded: String) {
        #expect(ExactText(ContentTypeSuffix.encode(type)) == ExactText(encoded))
    }

    @Test(arguments: [
        ("text_plain", "text/plain"), ("application_senml-json", "application/senml+json"), ("a_b_c-d-e", "a/b_c+d-e"),
        ("plain", "plain"), ("", ""), ("-_", "+/"),
    ])
    func decodesTheFirstOfEachOnly(suffix: String, type: String) {
        #expect(ContentTypeSuffix.decode(suffix[...]) == type)
    }
}
