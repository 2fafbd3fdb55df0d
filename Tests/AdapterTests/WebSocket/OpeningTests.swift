import Model
import NIOCore
import TestSupport
import Testing

@testable import AdapterTransport

/// Contract section 4.2 with the decisions of section 12: the handshake.
@Suite struct WebSocketOpeningTests {
    @Test func aKeyInTheHeaderOpens() throws {
        let server = WSServer()
        let peer = try server.connect()
        let answer = try peer.ask(server.handshake())

        #expect(answer?.status == 101)
        #expect(answer?.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(server.component.connectionCount == 1 && peer.component.connectionCount == 0)
    }

    @Test(arguments: ["", "Thing ", "Bearer "])
    func aKeyInTheQueryOpens(scheme: String) throws {
        let server = WSServer()
        let key = (scheme + server.key.secret.revealed).replacing(" ", with: "%20")
        let path = "\(server.path)?authorization=\(key)"

        #expect(try server.connect().ask(server.handshake(path: path, without: "Authorization"))?.status == 101)
        #expect(try server.connect().ask(server.handshake(path: path, authorization: ""))?.status == 101)
    }

    @Test func theHeaderGoesBeforeTheQuery() throws {
        let server = WSServer()
        let path = "\(server.path)?authorization=\(server.key.secret.revealed)"

        #expect(try server.connect().ask(server.handshake(path: path, authorization: "nobodys-key"))?.status == 403)
    }

    struct Case: CustomTestStringConvertible {
        var name: String
        var status: Int
        var rest = ""
        var path: String?
        var authorization: String?
        var without = "none"
        var method = "GET"
        var headers: [String] = []
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "no key", status: 401, without: "Authorization"),
        Case(name: "empty keys", status: 401, rest: "?authorization=", authorization: ""),
        Case(name: "unknown key", status: 403, authorization: "nobodys-key"),
        Case(name: "what can't be a key", status: 403, authorization: "short"),
        Case(name: "two keys", status: 400, headers: ["Authorization: another-key"]),
        Case(name: "channel of others", status: 403, path: "/channels/\(ChannelID.random())/messages"),
        Case(name: "channel that is no UUID", status: 403, path: "/channels/1/messages"),
        Case(name: "malformed subtopic", status: 400, rest: "/a*"),
        Case(name: "misplaced `>`", status: 400, rest: "/%3E/a"),
        Case(name: "a control character", status: 400, rest: "/a%0a"),
        Case(name: "malformed subtopic and bad key", status: 403, rest: "/a*", authorization: "nobodys-key"),
        Case(name: "bad query", status: 400, rest: "?a=%zz"),
        Case(name: "a control character in the content type", status: 400, rest: "?content-type=a%00"),
        Case(name: "the same with a pattern", status: 400, rest: "/*?content-type=a%00"),
        Case(name: "no upgrade", status: 400, without: "Upgrade"),
        Case(
            name: "another version",
            status: 426,
            without: "Sec-WebSocket-Version",
            headers: ["Sec-WebSocket-Version: 8"]
        ),
        Case(name: "no version", status: 426, without: "Sec-WebSocket-Version"),
        Case(name: "no key of the handshake", status: 400, without: "Sec-WebSocket-Key"),
        Case(name: "unknown path", status: 404, path: "/"),
        Case(name: "POST", status: 405, method: "POST"),
        Case(name: "absolute form", status: 400, path: "http://a/channels/1/messages"),
    ]

    @Test(arguments: cases)
    func isRefused(_ refused: Case) throws {
        let server = WSServer()
        let request = server.handshake(
            path: refused.path ?? server.path + refused.rest,
            authorization: refused.authorization,
            headers: refused.headers,
            without: refused.without,
            method: refused.method
        )
        let answer = try server.connect().ask(request)

        #expect(answer?.status == refused.status)
        #expect(answer?.body.contains(#""status":\#(refused.status)"#) == true)
        #expect(server.component.connectionCount == 0)
    }

    @Test func anOutageIsRetryable() throws {
        let server = WSServer()
        server.test.rights.isOut = true

        #expect(try server.connect().ask(server.handshake())?.status == 503)
    }

    @Test func saysItsVersion() throws {
        let answer = try WSServer().connect().ask("GET /version HTTP/1.1\r\nHost: a\r\n\r\n")

        #expect(answer?.body == #"{"service":"websocket","version":"1.2.3"}"#)
    }

    @Test func framesThatComeWithTheHandshakeAreRead() throws {
        let server = WSServer()
        let peer = try server.connect()
        try peer.send(Array(server.handshake().utf8) + ClientFrame.text("early"))

        #expect(server.test.published.payloads == ["early"])
    }

    @Test func framesThatComeWhileTheAnswerIsAwaitedAreRead() throws {
        let server = WSServer()
        server.test.answersAtOnce = false
        let peer = try server.connect()
        try peer.send(server.handshake())
        try peer.send(ClientFrame.text("early"))
        server.test.answersAtOnce = true
        server.test.run()

        #expect(server.test.published.payloads == ["early"])
        #expect(peer.connection.isReading)
    }

    @Test func whoLeavesDuringTheHandshakeOpensNothing() throws {
        let server = WSServer()
        server.test.answersAtOnce = false
        let peer = try server.connect()
        try peer.send(server.handshake())
        peer.connection.halfClose()
        server.test.answersAtOnce = true
        server.test.run()

        #expect(peer.connection.isEnded && server.component.connectionCount == 0)
    }

    @Test(arguments: ["key", "right"])
    func whatIsTakenAwayDuringTheHandshakeOpensNothing(what: String) throws {
        let server = WSServer()
        server.test.answersAtOnce = false
        let peer = try server.connect()
        try peer.send(server.handshake())
        server.test.answer()
        server.test.take(
            what == "key" ? .keyChanged(server.identity.thing) : .disconnected(server.identity.thing, server.channel)
        )
        server.test.answersAtOnce = true
        server.test.run()

        #expect(try peer.responses().map(\.status) == [403])
        #expect(server.component.connectionCount == 0)
    }
}
