import HTTPSupport
import NIOCore
import Testing

/// What a peer can do to the connection itself, over real sockets.
@Suite struct HardeningTests {
    static let smuggling: [(name: String, request: String)] = [
        (
            "two different lengths",
            "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "
        ),
        ("two equal lengths", "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
        ("a list of lengths", "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\n{}"),
        ("a negative length", "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\n{}"),
        ("a signed length", "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}"),
        (
            "a length and chunks",
            "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        (
            "chunks and a length",
            "POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n"
        ),
        (
            "another coding before chunks",
            "POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
        ),
        ("chunks not last", "POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n"),
        (
            "chunked twice",
            "POST /things HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "0\r\n\r\n"
        ),
        ("chunks in HTTP/1.0", "POST /things HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("a blank before the colon", "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\n{}"),
        ("a folded header", "GET /things HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n"),
        ("a folded length", "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 2\r\n\r\n{}"),
        ("a bare line feed", "GET /things HTTP/1.1\nHost: a\n\n"),
        ("a bare line feed between headers", "GET /things HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n"),
        ("a bare carriage return", "GET /things HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n"),
        ("a zero byte in a header", "GET /things HTTP/1.1\r\nHost: a\r\nX-A: b\u{0}c\r\n\r\n"),
        ("no host", "GET /things HTTP/1.1\r\n\r\n"),
        ("two hosts", "GET /things HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("a chunk size that isn't hexadecimal", chunked("zz\r\n{}\r\n0\r\n\r\n")),
        ("a chunk size with a sign", chunked("-2\r\n{}\r\n0\r\n\r\n")),
        ("a chunk size with 0x", chunked("0x2\r\n{}\r\n0\r\n\r\n")),
        ("a chunk size out of range", chunked("fffffffffffffffff\r\n{}\r\n0\r\n\r\n")),
        ("a chunk longer than its size", chunked("1\r\n{}\r\n0\r\n\r\n")),
        ("a chunk that ends in a bare line feed", chunked("2\n{}\n0\n\n")),
        ("an unknown version", "GET /things HTTP/3.7\r\nHost: a\r\n\r\n"),
        ("an unknown method", "FETCH /things HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a request line of one word", "HELLO\r\n\r\n"),
        ("no HTTP at all", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\r\n\r\n"),
    ]

    private static func chunked(_ body: String) -> String {
        "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            + body
    }

    @Test(arguments: smuggling)
    func refusesWhatTwoServersCouldReadInTwoWays(_ name: String, _ request: String) async throws {
        let followUp = "GET /version HTTP/1.1\r\nHost: a\r\n\r\n"

        let answer = try await withListener { try await exchange(request + followUp, port: $0) }

        #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"), "\(answer)")
        #expect(answer.contains(#""status":400"#))
        #expect(answer.contains("connection: close"))
        #expect(answer.components(of: "HTTP/1.1 ") == 1, "the request behind it must not be answered: \(answer)")
    }

    @Test(arguments: [
        "GET /things HTTP/1.1\r\nHost: a\r\nX-Long: " + String(repeating: "x", count: 17 << 10) + "\r\n\r\n",
        "GET /" + String(repeating: "x", count: 17 << 10) + " HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /things HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X-A: b\r\n", count: 100_000) + "\r\n",
        "GET /things HTTP/1.1\r\nHost: a\r\n"
            + (0..<50).map { "X-\($0): " + String(repeating: "x", count: 1024) + "\r\n" }.joined() + "\r\n",
    ])
    func refusesHeadersThatAreTooMuch(_ request: String) async throws {
        let answer = try await withListener { try await exchange(request, port: $0) }

        #expect(answer.hasPrefix("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "\(answer.prefix(200))")
        #expect(answer.contains(#""status":431"#))
    }

    @Test func refusesABodyThatIsDeclaredTooLong() async throws {
        let request = "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"

        let answer = try await withListener { try await exchange(request, port: $0) }

        #expect(answer.hasPrefix("HTTP/1.1 413 "), "\(answer)")
    }

    @Test func answersABodyOverTheRoutesLimitAndCloses() async throws {
        let body = #"{"name":""# + String(repeating: "x", count: 1 << 20) + #""}"#
        let request =
            "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\r\n"

        let answer = try await withListener { try await exchange(request + body, port: $0, thenClosing: true) }

        #expect(answer.hasPrefix("HTTP/1.1 413 "), "\(answer)")
        #expect(answer.contains(#""status":413"#))
    }

    @Test(arguments: [
        "GET /things HTTP/1.1\r\nHost: a\r\nX-",
        "GET /thi",
        "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{",
        chunked("2\r\n{}\r\n"),
    ])
    func givesUpOnARequestThatDoesNotArrive(_ start: String) async throws {
        var limits = HTTPLimits()
        limits.headTimeout = .milliseconds(50)
        limits.bodyTimeout = .milliseconds(50)

        let answer = try await withListener(limits: limits) { try await exchange(start, port: $0) }

        #expect(answer.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"), "\(answer)")
        #expect(answer.contains(#""status":408"#))
    }

    @Test(arguments: [
        "GET /thi",
        "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{}",
        chunked("2\r\n{}\r\n"),
    ])
    func doesNotActOnARequestThatIsCutShort(_ start: String) async throws {
        let answer = try await withListener { try await exchange(start, port: $0, thenClosing: true) }

        #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
    }

    @Test func closesAnIdleConnectionWithoutAWord() async throws {
        var limits = HTTPLimits()
        limits.idleTimeout = .milliseconds(50)

        let answer = try await withListener(limits: limits) { try await exchange("", port: $0) }

        #expect(answer.isEmpty)
    }

    @Test func answersPipelinedRequestsInOrder() async throws {
        let requests = (0..<20).map { "GET /things?offset=\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()

        let answer = try await withListener { try await exchange(requests, port: $0, thenClosing: true) }

        let offsets = answer.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("{") }.map(String.init)
        #expect(offsets == (0..<20).map { #"{"offset":\#($0),"limit":10}"# })
    }

    @Test(arguments: [
        "GET /version HTTP/1.0\r\n\r\n",
        "GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /version HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive, Close\r\n\r\n",
        "GET /version HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    ])
    func closesWhenThereIsNoFurtherRequest(_ request: String) async throws {
        let answer = try await withListener { try await exchange(request, port: $0) }

        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(answer)")
        #expect(answer.hasSuffix("{\"service\":\"sample\",\"version\":\"1.2.3\"}\n"))
    }

    @Test func asksForTheBodyThatAClientHoldsBack() async throws {
        let request =
            "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
            + "Connection: close\r\nContent-Length: 2\r\n\r\n{}"

        let answer = try await withListener { try await exchange(request, port: $0) }

        #expect(answer.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n"), "\(answer)")
    }

    @Test func acceptsChunksWithAnExtension() async throws {
        let request =
            "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\n\r\n"

        let answer = try await withListener { try await exchange(request, port: $0) }

        #expect(answer.hasPrefix("HTTP/1.1 201 Created\r\n"), "\(answer)")
    }
}

extension String {
    func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(part) { count += 1 }
            rest = rest.dropFirst()
        }
        return count
    }
}
