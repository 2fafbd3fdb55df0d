import Model
import Testing

@testable import AdapterTransport

/// Requests whose end is not beyond doubt: each is refused, and what stands behind it is not obeyed (RFC 9112 section 11.2).
@Suite struct FramingTests {
    private static let chunks = "5\r\nhello\r\n0\r\n\r\n"

    static let heads: [(String, String)] = [
        ("Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", chunks),
        ("Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5", chunks),
        ("Host: a\r\nContent-Length: 5\r\nContent-Length: 6", "hello!"),
        ("Host: a\r\nContent-Length: 5\r\nContent-Length: 5", "hello"),
        ("Host: a\r\nContent-Length: 5, 5", "hello"),
        ("Host: a\r\nContent-Length: +5", "hello"),
        ("Host: a\r\nContent-Length: -5", "hello"),
        ("Host: a\r\nContent-Length: 0x5", "hello"),
        ("Host: a\r\nContent-Length: 5 5", "hello"),
        ("Host: a\r\nContent-Length: ", "hello"),
        ("Host: a\r\nTransfer-Encoding : chunked", chunks),
        ("Host: a\r\nTransfer-Encoding: xchunked", chunks),
        ("Host: a\r\nTransfer-Encoding: chunked, identity", chunks),
        ("Host: a\r\nTransfer-Encoding: gzip, chunked", chunks),
        ("Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", chunks),
        ("Host: a\r\nTransfer-Encoding: \u{B}chunked", chunks),
        ("Host: a\r\nTransfer-Encoding: ", chunks),
        ("Host: a\r\nTransfer-Encoding: identity", "hello"),
        ("Host: a\r\nX: a\r\n b\r\nContent-Length: 0", ""),
        (" Host: a\r\nContent-Length: 0", ""),
        ("Host: a\r\nX: a\rb\r\nContent-Length: 0", ""),
        ("Host: a\r\nX: a\u{0}b\r\nContent-Length: 0", ""),
        ("Host: a\r\nX: a\u{7F}b\r\nContent-Length: 0", ""),
        ("Host: a\r\nX: a\nContent-Length: 5", "hello"),
        ("Host: a\r\nNonsense\r\nContent-Length: 0", ""),
        ("Host: a\r\n: a\r\nContent-Length: 0", ""),
        ("Host: a\r\nX Y: a\r\nContent-Length: 0", ""),
        ("Content-Length: 0", ""),
        ("Host: a\r\nHost: b\r\nContent-Length: 0", ""),
        ("Host: a\r\nTransfer-Encoding: chunked", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("Host: a\r\nTransfer-Encoding: chunked", "-5\r\nhello\r\n0\r\n\r\n"),
        ("Host: a\r\nTransfer-Encoding: chunked", "5 5\r\nhello\r\n0\r\n\r\n"),
        ("Host: a\r\nTransfer-Encoding: chunked", "5\nhello\r\n0\r\n\r\n"),
        ("Host: a\r\nTransfer-Encoding: chunked", "3\r\nhello\r\n0\r\n\r\n"),
        ("Host: a\r\nTransfer-Encoding: chunked", "5\r\nhello\n0\r\n\r\n"),
        ("Host: a\r\nTransfer-Encoding: chunked", "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
    ]

    @Test(arguments: heads)
    func anAmbiguousRequestIsRefusedAndTheConnectionClosed(head: String, body: String) throws {
        let publisher = try Publisher()
        let authorization = "Authorization: \(publisher.key.secret.revealed)"
        let request = "POST \(publisher.path) HTTP/1.1\r\n\(authorization)\r\n\(head)\r\n\r\n\(body)"
        try publisher.peer.send(request + publisher.request("smuggled"))
        let answers = try publisher.peer.responses()

        #expect(answers.map(\.status) == [400])
        #expect(answers.last?.isClose == true)
        #expect(publisher.peer.connection.isEnded)
        #expect(publisher.test.published.messages.isEmpty)
    }

    @Test(arguments: [
        "POST /x HTTP/1.1 ", "POST\t/x\tHTTP/1.1", "POST /x /y HTTP/1.1", "POST /x",
        "POST HTTP/1.1",
        "POST /x HTTP/2.0", "POST /x HTTP/9.9", "POST /x FTP/1.1", "POST /x http/1.1", "/x HTTP/1.1",
        "\u{16}\u{3}\u{1}",
        "POST /x\u{0} HTTP/1.1", "POST /x\u{7F} HTTP/1.1", "POST /\u{1B} HTTP/1.1", "POST /x/é HTTP/1.1",
        "post /x HTTP/1.1", "P\u{F6}ST /x HTTP/1.1",
    ])
    func aMalformedRequestLineIsRefused(line: String) throws {
        let publisher = try Publisher()
        try publisher.peer.send("\(line)\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + publisher.request("smuggled"))
        let answers = try publisher.peer.responses()

        #expect(answers.map(\.status) == [400])
        #expect(answers.last?.isClose == true)
        #expect(publisher.test.published.messages.isEmpty)
    }

    @Test(arguments: [[0xFF], [0xC0, 0xAF], [0xC3]] as [[UInt8]])
    func aTargetOfBytesThatAreNoUTF8IsRefused(bytes: [UInt8]) throws {
        let publisher = try Publisher()
        let request = publisher.request()
        let start = try #require(request.utf8.firstIndex(of: 0x20))
        let path = "\(request[..<start]) \(publisher.path)/"
        try publisher.peer.send(Array(path.utf8) + bytes + Array(request.dropFirst(path.count - 1).utf8))

        #expect(try publisher.peer.responses().first?.status == 400)
        #expect(publisher.test.published.messages.isEmpty)
    }

    @Test func aChunkedRequestOfHTTP10IsRefused() throws {
        let publisher = try Publisher()
        let head = "POST \(publisher.path) HTTP/1.0\r\nAuthorization: \(publisher.key.secret.revealed)"
        let answer = try publisher.peer.ask("\(head)\r\nTransfer-Encoding: chunked\r\n\r\n\(Self.chunks)")

        #expect(answer?.status == 400 && answer?.isClose == true)
        #expect(publisher.test.published.messages.isEmpty)
    }

    @Test func headerNamesAndTheEncodingAreReadInAnyLetterCase() throws {
        let publisher = try Publisher()
        let head = "POST \(publisher.path) HTTP/1.1\r\nhOST: a\r\nAUTHORIZATION: \(publisher.key.secret.revealed)"
        let answer = try publisher.peer.ask("\(head)\r\ntransfer-ENCODING: Chunked\r\n\r\n\(Self.chunks)")

        #expect(answer?.status == 202)
        #expect(publisher.test.published.payloads == ["hello"])
    }
}
