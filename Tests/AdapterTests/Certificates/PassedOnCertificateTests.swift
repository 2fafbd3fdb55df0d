import AdaptersCore
import Foundation
import Messaging
import Model
import NIOHTTP1
import TestSupport
import Testing

@testable import AdapterTransport
@testable import MQTTAdapter

/// What is answered to requests whose client's certificate a proxy passes on, and to those that only look so.
@Suite struct PassedOnHTTPTests {
    private let proxy: Proxy
    private let publisher: Publisher

    init() throws {
        let proxy = try Proxy()
        let peer = try proxy.peer()
        self.proxy = proxy
        publisher = try Publisher { _ in peer }
    }

    private var key: String { publisher.key.secret.revealed }

    private func status(_ request: String) throws -> Int? { try publisher.peer.ask(request)?.status }

    @Test func aCertificateInEitherHeaderIsTheThing() throws {
        let pair = try proxy.authority.sign([key])
        for header in try [proxy.header(pair), proxy.standardHeader(pair)] {
            for name in [header, header.replacing("Client-Cert", with: "client-CERT")] {
                #expect(try status(publisher.passedOn(name)) == 202)
                #expect(try status(publisher.passedOn(name, "Authorization: Thing \(key)")) == 202)
                #expect(try status(publisher.passedOn(name, "Authorization: other-key")) == 403)
            }
        }

        #expect(publisher.test.published.messages.count == 8)
    }

    @Test func aRequestWithoutItIsNobodys() throws {
        let header = try proxy.header(key)
        for headers in [[], ["X-Client-Cert:"], ["Client-Cert: "]] {
            #expect(try status(publisher.passedOn(header)) == 202)
            let refused = try publisher.peer.ask(publisher.request(authorization: "none", headers: headers))
            #expect(refused?.status == 403 && refused?.body.contains("no client certificate") == true)
            #expect(try status(publisher.request(headers: headers)) == 403)
        }

        #expect(publisher.test.published.messages.count == 3)
    }

    @Test func moreThanOneIsRefused() throws {
        let pair = try proxy.authority.sign([key])
        let (one, other) = (try proxy.header(pair), try proxy.standardHeader(pair))
        for headers in [[one, one], [other, other], [one, other], [one, "X-Client-Cert:"], ["Client-Cert:", one]] {
            let answer = try publisher.peer.ask(publisher.request(authorization: "none", headers: headers))
            #expect(answer?.status == 400 && answer?.body.contains("exactly one") == true)
        }
        #expect(try status(publisher.passedOn("X-Client-Cert: (null)")) == 400)
        #expect(try status(publisher.passedOn("\(other), \(other.dropFirst(13))")) == 400)

        #expect(publisher.test.published.messages.isEmpty)
    }

    @Test func eachWayToBeRefusedSaysWhy() throws {
        let stranger = try TestAuthority(proxy.folder, name: "Stranger")
        for (header, words) in [
            (try proxy.header(key, by: stranger), "is not trusted"),
            (try proxy.header(key, purpose: .server), "is not trusted"),
            (try proxy.header(key, validity: -60 ... -1), "has expired"),
            (try proxy.header(key, validity: 60...120), "is not valid yet"),
            (try proxy.header(), "has no common name"),
            (try proxy.header(key, key), "has several common names"),
            (try proxy.header("nobodys-key"), "invalid credentials"),
            (try proxy.header("short"), "invalid credentials"),
        ] {
            let answer = try publisher.peer.ask(publisher.passedOn(header))
            #expect(answer?.status == 403 && answer?.body.contains(words) == true, "\(words)")
            #expect(answer?.isClose == false)
        }

        #expect(publisher.test.published.messages.isEmpty)
    }

    /// The connection remembers its last request; that must not be another's.
    @Test func thingsThatShareAConnectionStayApart() throws {
        let (second, secondKey) = publisher.test.rights.addThing()
        let (_, strangerKey) = publisher.test.rights.addThing()
        publisher.test.rights.connect(second, publisher.channel)
        let one = try proxy.header(key)
        let two = try proxy.header(secondKey.secret.revealed)
        let three = try proxy.header(strangerKey.secret.revealed)
        for _ in 0..<5 {
            #expect(try status(publisher.passedOn(one, body: "one")) == 202)
            #expect(try status(publisher.passedOn(two, body: "two")) == 202)
            #expect(try status(publisher.passedOn(three, body: "three")) == 403)
            #expect(try status(publisher.passedOn(one, body: "one")) == 202)
            // The key of the one before.
            #expect(try status(publisher.passedOn(two, "Authorization: \(key)")) == 403)
            #expect(try status(publisher.passedOn()) == 403)
        }

        let publishers = publisher.test.published.messages.map(\.publisher)
        let round = [publisher.identity.thing, second.thing, publisher.identity.thing]
        #expect(publishers == Array(repeating: round, count: 5).flatMap(\.self))
    }

    @Test func requestsThatComeAtOnceStayApart() throws {
        let (second, secondKey) = publisher.test.rights.addThing()
        publisher.test.rights.connect(second, publisher.channel)
        let (one, two) = (try proxy.header(key), try proxy.header(secondKey.secret.revealed))
        publisher.test.answersAtOnce = false
        let text = publisher.passedOn(one) + publisher.passedOn(two) + publisher.passedOn() + publisher.passedOn(two)
        try publisher.peer.send(text)
        while !publisher.test.questions.isEmpty { publisher.test.answer() }

        #expect(try publisher.peer.responses().map(\.status) == [202, 202, 403, 202])
        let publishers = publisher.test.published.messages.map(\.publisher)
        #expect(publishers == [publisher.identity.thing, second.thing, second.thing])
    }

    @Test func aCertificateThatIsKnownExpiresAllTheSame() throws {
        let header = try proxy.header(key, validity: -60...60)
        #expect(try status(publisher.passedOn(header)) == 202)
        #expect(try status(publisher.passedOn(header)) == 202)

        proxy.ahead.set(61)
        #expect(try publisher.peer.ask(publisher.passedOn(header))?.body.contains("has expired") == true)
        proxy.ahead.set(-61)
        #expect(try publisher.peer.ask(publisher.passedOn(header))?.body.contains("not valid yet") == true)
        proxy.ahead.set(0)
        #expect(try status(publisher.passedOn(header)) == 202)
    }

    @Test func aRightThatIsTakenIsTakenBehindAProxyToo() throws {
        let header = try proxy.header(key)
        #expect(try status(publisher.passedOn(header)) == 202)

        publisher.test.take(.thingRemoved(publisher.identity.thing))

        #expect(try status(publisher.passedOn(header)) == 403)
    }

    // MARK: Who is no proxy

    @Test(arguments: ["X-Client-Cert", "Client-Cert", "client-cert"], [ClientCertificate.notAsked, .key(.random())])
    func fromAnybodyElseTheHeaderIsAnError(name: String, certificate: ClientCertificate) throws {
        let publisher = try Publisher { _ in certificate }
        for value in ["", "x", ":AAAA:"] {
            let answer = try publisher.peer.ask(publisher.request(headers: ["\(name): \(value)"]))
            #expect(answer?.status == 400 && answer?.body.contains("trusted proxy") == true)
            #expect(answer?.headers["content-type"] == "application/json" && answer?.isClose == false)
        }

        #expect(publisher.test.published.messages.isEmpty)
    }

    @Test func aThingCannotPassOnAnothers() throws {
        let publisher = try Publisher { .key($0) }
        let header = try proxy.header(key)

        #expect(try publisher.peer.ask(publisher.passedOn(header))?.status == 400)
        #expect(try publisher.peer.ask(publisher.passedOn())?.status == 202)
        #expect(try publisher.peer.ask(publisher.passedOn(header))?.status == 400)
    }
}

@Suite struct PassedOnWebSocketTests {
    private let proxy: Proxy

    init() throws { proxy = try Proxy() }

    @Test func theHandshakeSaysWhoItIs() throws {
        let server = WSServer()
        let key = server.key.revealed
        func status(_ header: String?, query: String = "") throws -> Int? {
            let text = server.handshake(
                path: server.path + query,
                headers: header.map { [$0] } ?? [],
                without: "Authorization"
            )
            return try server.connect(as: proxy.peer()).ask(text)?.status
        }

        #expect(try status(proxy.header(key)) == 101)
        #expect(try status(proxy.header(key), query: "?authorization=\(key)") == 101)
        #expect(try status(proxy.header(key), query: "?authorization=other-key") == 403)
        #expect(try status(proxy.header("other-key"), query: "?authorization=\(key)") == 403)
        #expect(try status(nil, query: "?authorization=\(key)") == 403)
        #expect(try status(proxy.header(key, validity: -60 ... -1)) == 403)
        #expect(try status("Client-Cert: x", query: "?authorization=\(key)") == 400)
    }

    @Test func fromAnybodyElseTheHeaderIsAnError() throws {
        let server = WSServer()
        let text = server.handshake(headers: [try proxy.header(server.key.revealed)])

        #expect(try server.connect().ask(text)?.status == 400)
        #expect(try server.connect(.key(server.key)).ask(text)?.status == 400)
    }
}

@Suite struct PassedOnCertificateTableTests {
    @Test func whatIsKnownStaysBounded() throws {
        let proxy = try Proxy()
        let peer = try proxy.peer()
        var known = PassedOnCertificates(capacity: 4)
        let header = try proxy.header("a-key-of-a-thing").dropFirst("X-Client-Cert: -----".count)
        // One certificate in many spellings.
        for number in 0..<32 {
            let dashes = (0..<5).map { number >> $0 & 1 == 1 ? "-" : "%2D" }.joined()
            let sender = try peer.sender(of: RequestFacts(["X-Client-Cert": dashes + header]), known: &known)
            #expect(try sender.certificate == .key(#require(ThingKey("a-key-of-a-thing"))))
            #expect(known.count <= 8)
        }
        #expect(known.count >= 4)
    }

    @Test func onlyWhatIsGoodIsKept() throws {
        let proxy = try Proxy()
        let peer = try proxy.peer()
        var known = PassedOnCertificates()
        for header in [try proxy.header("a thing's key", validity: -60 ... -1), "X-Client-Cert: x"] {
            let facts = RequestFacts(["X-Client-Cert": String(header.dropFirst("X-Client-Cert: ".count))])
            #expect(throws: Refusal.self) { try peer.sender(of: facts, known: &known) }
        }

        #expect(known.count == 0)
    }
}

extension ThingKey {
    fileprivate var revealed: String { secret.revealed }
}
