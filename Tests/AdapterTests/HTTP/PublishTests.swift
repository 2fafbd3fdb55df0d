import Messaging
import Model
import TestSupport
import Testing

@testable import AdapterTransport

/// Contract section 4.1 with the decisions of section 12.
@Suite struct PublishTests {
    @Test(arguments: ["", "Thing ", "Bearer ", "thing ", "BEARER  "])
    func aKeyPublishesInEveryFormOfTheHeader(scheme: String) throws {
        let publisher = try Publisher()
        let answer = try publisher.peer.ask(
            publisher.request("[{}]", authorization: scheme + publisher.key.secret.revealed)
        )

        #expect(answer?.status == 202 && answer?.body == "" && answer?.isClose == false)
        let message = try #require(publisher.test.published.messages.first)
        #expect(message.publisher == publisher.identity.thing && message.source == .http && message.qos == 1)
        #expect(publisher.test.published.payloads == ["[{}]"])
    }

    @Test(arguments: [
        ("", ""), ("/", ""), ("/a/b", "a.b"), ("/a//b.c", "a.b.c"), ("/%61%2Fb", "a.b"), ("?x=%zz", ""),
        ("/a?b/c", "a"),
        ("/%C3%A9", "é"),
    ])
    func whatFollowsMessagesIsTheSubtopic(rest: String, subtopic: String) throws {
        let publisher = try Publisher()

        #expect(try publisher.peer.ask(publisher.request(path: publisher.path + rest))?.status == 202)
        #expect(publisher.test.published.messages.first?.topic.subtopic.dotted.text == subtopic)
    }

    @Test(arguments: ["", "application/senml+json", "text/plain; charset=utf-8", "x", "a/é"])
    func theContentTypeIsTakenAsItIs(type: String) throws {
        let publisher = try Publisher()
        let headers = type.isEmpty ? [] : ["Content-Type: \(type)"]

        #expect(try publisher.peer.ask(publisher.request(headers: headers))?.status == 202)
        #expect(publisher.test.published.messages.first?.topic.contentType.text == type)
    }

    struct Case: CustomTestStringConvertible {
        var name: String
        var status: Int
        var method = "POST"
        var rest = ""
        var path: String?
        var authorization: String?
        var headers: [String] = []
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "no key", status: 401, authorization: "none"),
        Case(name: "empty key", status: 401, authorization: ""),
        Case(name: "unknown key", status: 403, authorization: "nobodys-key"),
        Case(name: "what can't be a key", status: 403, authorization: "short"),
        Case(name: "a scheme without key", status: 403, authorization: "Thing "),
        Case(name: "another scheme", status: 403, authorization: "Basic abcdefgh"),
        Case(name: "two keys", status: 400, headers: ["Authorization: another-key"]),
        Case(name: "channel that is no UUID", status: 403, path: "/channels/1/messages"),
        Case(
            name: "channel that is no UUID, without key",
            status: 401,
            path: "/channels/1/messages",
            authorization: "none"
        ),
        Case(name: "empty channel", status: 403, path: "/channels//messages"),
        Case(name: "channel of others", status: 403, path: "/channels/\(ChannelID.random())/messages"),
        Case(name: "bad escape", status: 400, rest: "/%zz"),
        Case(name: "no UTF-8", status: 400, rest: "/%FF"),
        Case(name: "a control character", status: 400, rest: "/a%0d%0aPUB%20x"),
        Case(name: "a blank", status: 400, rest: "/a%20b"),
        Case(name: "a wildcard", status: 400, rest: "/*"),
        Case(name: "a plus sign", status: 400, rest: "/a+b"),
        Case(name: "too long a subtopic", status: 400, rest: "/" + String(repeating: "a", count: 1_025)),
        Case(name: "a bad subtopic with a bad key", status: 403, rest: "/%zz", authorization: "nobodys-key"),
        Case(name: "a bad subtopic without key", status: 401, rest: "/%zz", authorization: "none"),
        Case(name: "a tab in the content type", status: 400, headers: ["Content-Type: a/b;\tc=d"]),
        Case(name: "unknown path", status: 404, path: "/"),
        Case(name: "path of something else", status: 404, path: "/channels"),
        Case(name: "another method", status: 405, method: "PUT"),
        Case(name: "GET", status: 405, method: "GET"),
        Case(name: "GET of a channel that is no UUID", status: 405, method: "GET", path: "/channels/1/messages"),
        Case(name: "absolute form", status: 400, path: "http://a/channels/1/messages"),
        Case(name: "asterisk form", status: 400, method: "OPTIONS", path: "*"),
    ]

    @Test(arguments: cases)
    func isRefused(_ refused: Case) throws {
        let publisher = try Publisher()
        let request = publisher.request(
            method: refused.method,
            path: refused.path ?? publisher.path + refused.rest,
            authorization: refused.authorization,
            headers: refused.headers
        )
        let answer = try #require(try publisher.peer.ask(request))

        #expect(answer.status == refused.status)
        #expect(answer.headers["content-type"] == "application/json")
        #expect(answer.body.contains(#""status":\#(refused.status)"#) && answer.body.hasPrefix(#"{"error":""#))
        #expect(answer.headers["allow"] == (refused.status == 405 ? "POST" : nil))
        #expect((answer.headers["www-authenticate"] != nil) == (refused.status == 401))
        #expect(publisher.test.published.messages.isEmpty)
    }

    /// What a connection has learnt must not change what it answers.
    @Test(arguments: cases)
    func isRefusedAfterAGoodMessageToo(_ refused: Case) throws {
        let publisher = try Publisher()
        let request = publisher.request(
            method: refused.method,
            path: refused.path ?? publisher.path + refused.rest,
            authorization: refused.authorization,
            headers: refused.headers
        )

        #expect(try publisher.peer.ask(publisher.request())?.status == 202)
        let answer = try publisher.peer.ask(request)
        #expect(answer?.status == refused.status)
        #expect(publisher.test.published.messages.count == 1)
        if answer?.isClose == true { return }
        #expect(try publisher.peer.ask(publisher.request())?.status == 202)
    }

    @Test func anOutageIsRetryable() throws {
        let publisher = try Publisher()
        publisher.test.rights.isOut = true
        let answer = try publisher.peer.ask(publisher.request())

        #expect(answer?.status == 503 && answer?.headers["retry-after"] != nil)
        publisher.test.rights.isOut = false
        #expect(try publisher.peer.ask(publisher.request())?.status == 202)
    }

    @Test func whatIsKnownNeedsNoThingsService() throws {
        let publisher = try Publisher()
        _ = try publisher.peer.ask(publisher.request())
        publisher.test.rights.isOut = true

        #expect(try publisher.peer.ask(publisher.request())?.status == 202)
    }

    @Test(arguments: ["GET", "HEAD"])
    func saysItsVersion(method: String) throws {
        let publisher = try Publisher()
        try publisher.peer.send("\(method) /version?a HTTP/1.1\r\nHost: a\r\n\r\n")
        let answer = try publisher.peer.responses(toHEAD: method == "HEAD").first

        #expect(answer?.status == 200)
        #expect(answer?.body == (method == "GET" ? #"{"service":"http","version":"1.2.3"}"# : ""))
        #expect(answer?.headers["content-length"] == "36")
    }

    @Test func theVersionCanOnlyBeRead() throws {
        let publisher = try Publisher()
        let answer = try publisher.peer.ask(publisher.request(path: "/version"))

        #expect(answer?.status == 405 && answer?.headers["allow"] == "GET, HEAD")
    }

    // MARK: What a connection remembers

    @Test func textsThatOnlyLookAlikeAreDifferentTargets() throws {
        let publisher = try Publisher()
        for type in ["a/\u{E9}", "a/e\u{301}", "a/\u{212A}", "a/K"] {
            _ = try publisher.peer.ask(publisher.request(headers: ["Content-Type: \(type)"]))
        }
        let types = publisher.test.published.messages.map { Array($0.topic.contentType.text.utf8) }

        #expect(types == ["a/\u{E9}", "a/e\u{301}", "a/\u{212A}", "a/K"].map { Array($0.utf8) })
    }

    @Test func anotherKeyOnTheSameConnectionIsAnotherThing() throws {
        let publisher = try Publisher()
        let (other, otherKey) = publisher.test.rights.addThing()
        publisher.test.rights.connect(other, publisher.channel)
        _ = try publisher.peer.ask(publisher.request())
        _ = try publisher.peer.ask(publisher.request(authorization: otherKey.secret.revealed))

        #expect(publisher.test.published.messages.map(\.publisher) == [publisher.identity.thing, other.thing])
    }

    @Test(arguments: ["thing removed", "key changed", "disconnected", "channel removed", "tenant removed"])
    func aRightThatIsTakenIsGoneForTheNextRequest(kind: String) throws {
        let publisher = try Publisher()
        let (thing, channel) = (publisher.identity.thing, publisher.channel)
        let event: AccessEvent =
            switch kind {
            case "thing removed": .thingRemoved(thing)
            case "key changed": .keyChanged(thing)
            case "disconnected": .disconnected(thing, channel)
            case "channel removed": .channelRemoved(channel)
            default: .tenantRemoved(publisher.identity.tenant)
            }

        #expect(try publisher.peer.ask(publisher.request())?.status == 202)
        publisher.test.take(event)
        #expect(try publisher.peer.ask(publisher.request())?.status == 403)
        #expect(publisher.test.published.messages.count == 1)
    }

    @Test func aKeyThatChangesWhileItsChannelIsAskedForPublishesNothing() throws {
        let publisher = try Publisher()
        publisher.test.answersAtOnce = false
        try publisher.peer.send(publisher.request())
        publisher.test.answer()
        #expect(publisher.test.questions == [.use(publisher.identity, publisher.channel)])

        publisher.test.take(.keyChanged(publisher.identity.thing))
        publisher.test.answersAtOnce = true
        publisher.test.run()

        #expect(try publisher.peer.responses().map(\.status) == [403])
        #expect(publisher.test.published.messages.isEmpty)
    }

    @Test func aDecisionThatIsTooOldIsAskedForAgain() throws {
        let publisher = try Publisher(TestLoop(accessMaximumAge: 100))
        _ = try publisher.peer.ask(publisher.request())
        publisher.test.pass(99)
        _ = try publisher.peer.ask(publisher.request())
        #expect(publisher.test.counters.accessQuestions.current == 2)
        publisher.test.pass(1)
        #expect(try publisher.peer.ask(publisher.request())?.status == 202)
        #expect(publisher.test.counters.accessQuestions.current == 4)
        publisher.test.rights.apply(.keyChanged(publisher.identity.thing))
        publisher.test.pass(100)
        #expect(try publisher.peer.ask(publisher.request())?.status == 403)
    }

    @Test func everyMessageIsCheckedAndAskedForOnce() throws {
        let publisher = try Publisher()
        for _ in 0..<10 { _ = try publisher.peer.ask(publisher.request()) }

        #expect(publisher.test.counters.accessChecks.current == 10)
        #expect(publisher.test.counters.accessQuestions.current == 2)
        #expect(publisher.test.counters.publishedHTTP.current == 10)
    }
}
