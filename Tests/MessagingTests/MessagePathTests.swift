import Messaging
import Model
import Testing

private let id = "0f6b2a1c-3d4e-4f50-8a9b-0c1d2e3f4a5b"
private let base = "/channels/\(id)/messages"

@Suite struct MessagePathTests {
    @Test(arguments: [
        (base, ""), ("\(base)/", ""), ("\(base)/a/b", "a/b"), ("\(base)//a", "/a"), ("\(base)?a=b/c", ""),
        ("\(base)/a?x", "a"), ("\(base)/%61%2fb%2E", "a/b."), ("\(base)/a+b", "a+b"), ("\(base)/%C3%A9", "é"),
        ("\(base)/a%3Fb", "a?b"), ("\(base)/%25", "%"), ("\(base)/%00%0A%20", "\u{0}\n "),
        ("/channels/\(id.uppercased())/messages/a", "a"), ("\(base)/\u{301}/b", "\u{301}/b"),
    ])
    func readsAChannelAndWhatFollowsMessages(target: String, rest: String) throws {
        let path = try #require(try MessagePath(target: target))

        #expect(path.channel.description == id)
        #expect(ExactText(try path.rest.get()) == ExactText(rest))
    }

    @Test(arguments: [
        "", "/", "/channels", "/channels/", "/channels/\(id)", "/channels/\(id)/", "/channels/\(id)/message",
        "\(base)2",
        "channels/\(id)/messages", "/Channels/\(id)/messages", "/channels/\(id)/Messages", "//channels/\(id)/messages",
        "http://a\(base)", "/channels?x=\(base)", "/channels/\(id)?/messages", "/channels/\(id)/messages\u{301}",
        "/channels\u{301}/\(id)/messages", "/channels/\(id)/%6Dessages", "*",
    ])
    func anotherTargetIsNoMessagePath(target: String) throws {
        #expect(try MessagePath(target: target) == nil)
    }

    @Test(arguments: [
        "", "1", "nonsense", id.filter { $0 != "-" }, "{\(id)}", "urn:uuid:\(id)", "\(id) ", "\(id.dropLast())",
        "\(id)0",
        "\(id.dropLast())g", "%30" + id.dropFirst(), "\(id.dropLast())é", "..",
    ])
    func anIdThatIsNoUUIDNamesNoChannel(channel: String) {
        #expect(throws: TopicError.notAChannel) { try MessagePath(target: "/channels/\(channel)/messages") }
        #expect(throws: TopicError.notAChannel) { try MessagePath(target: "/channels/\(channel)/messages/a") }
    }

    @Test(arguments: ["%", "%2", "%zz", "a%2", "%-1", "%+1", "% 1", "%é0", "%%41", "a%g0b", "%C3%"])
    func aBrokenEscapeIsFound(rest: String) throws {
        let path = try #require(try MessagePath(target: "\(base)/\(rest)"))

        #expect(path.rest == .failure(.brokenEscape))
    }

    @Test(arguments: ["%FF", "%C0%AF", "%ED%A0%80", "%E6%BC", "%F4%90%80%80", "a%80b"])
    func anEscapeThatIsNoUTF8IsFound(rest: String) throws {
        let path = try #require(try MessagePath(target: "\(base)/\(rest)"))

        #expect(path.rest == .failure(.notUTF8))
    }
}
