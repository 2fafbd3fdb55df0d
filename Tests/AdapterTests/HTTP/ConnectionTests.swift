import Messaging
import Model
import NIOCore
import NIOEmbedded
import TestSupport
import Testing

@testable import AdapterTransport

/// One HTTP connection: order, keep-alive, bodies, time.
@Suite struct HTTPConnectionTests {
    // MARK: Pipelining

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let publisher = try Publisher()
        _ = try publisher.peer.ask(publisher.request("0"))
        try publisher.peer.send(
            publisher.request("1") + publisher.request(method: "GET") + publisher.request("2")
                + "GET /version HTTP/1.1\r\nHost: a\r\n\r\n" + publisher.request(path: "/") + publisher.request("3")
        )

        #expect(try publisher.peer.responses().map(\.status) == [202, 405, 202, 200, 404, 202])
        #expect(publisher.test.published.payloads == ["0", "1", "2", "3"])
    }

    @Test func theAnswersOfOneReadLeaveInOneWrite() throws {
        let publisher = try Publisher()
        _ = try publisher.peer.ask(publisher.request())
        try publisher.peer.send(String(repeating: publisher.request(), count: 10))
        publisher.test.run()

        #expect(try publisher.peer.connection.channel.readOutbound(as: ByteBuffer.self) != nil)
        #expect(try publisher.peer.connection.channel.readOutbound(as: ByteBuffer.self) == nil)
    }

    @Test func requestsBehindOneThatWaitsForItsAnswerWaitToo() throws {
        let publisher = try Publisher()
        publisher.test.answersAtOnce = false
        try publisher.peer.send(publisher.request("1") + publisher.request(path: "/") + publisher.request("2"))
        #expect(try publisher.peer.text().isEmpty)
        #expect(!publisher.peer.connection.isReading)

        publisher.test.answersAtOnce = true
        publisher.test.run()
        #expect(try publisher.peer.responses().map(\.status) == [202, 404, 202])
        #expect(publisher.test.published.payloads == ["1", "2"])
        #expect(publisher.peer.connection.isReading)
    }

    @Test func partsThatComeWhileAnAnswerIsAwaitedStayInOrder() throws {
        let publisher = try Publisher()
        publisher.test.answersAtOnce = false
        let second = Array(publisher.request("second").utf8)
        try publisher.peer.send(Array(publisher.request("first").utf8) + second.prefix(20))
        try publisher.peer.send(Array(second.dropFirst(20).prefix(120)))
        try publisher.peer.send(Array(second.dropFirst(140)) + Array(publisher.request("third").utf8))
        publisher.test.answersAtOnce = true
        publisher.test.run()

        #expect(try publisher.peer.responses().map(\.status) == [202, 202, 202])
        #expect(publisher.test.published.payloads == ["first", "second", "third"])
    }

    @Test func whatIsMalformedIsAnsweredAfterWhatCameBeforeIt() throws {
        let publisher = try Publisher()
        publisher.test.answersAtOnce = false
        try publisher.peer.send(publisher.request("1") + publisher.request("2") + "NONSENSE\r\n\r\n")
        #expect(try publisher.peer.text().isEmpty)

        publisher.test.answersAtOnce = true
        publisher.test.run()
        #expect(try publisher.peer.responses().map(\.status) == [202, 202, 400])
        #expect(publisher.test.published.payloads == ["1", "2"])
        #expect(publisher.peer.connection.isEnded)
    }

    @Test func anAnswerToAClientThatIsGoneGoesNowhere() throws {
        let publisher = try Publisher()
        publisher.test.answersAtOnce = false
        try publisher.peer.send(publisher.request())
        publisher.peer.connection.lose()
        publisher.test.answersAtOnce = true
        publisher.test.run()

        #expect(publisher.peer.component.connectionCount == 0)
    }

    // MARK: Half a connection

    @Test func whoSaysEverythingAndLeavesIsAnswered() throws {
        let publisher = try Publisher()
        publisher.test.answersAtOnce = false
        try publisher.peer.send(publisher.request("1") + publisher.request("2"))
        publisher.peer.connection.halfClose()
        publisher.test.answersAtOnce = true
        publisher.test.run()

        #expect(try publisher.peer.responses().map(\.status) == [202, 202])
        #expect(publisher.test.published.payloads == ["1", "2"])
        #expect(publisher.peer.connection.isEnded)
    }

    @Test func whoSaysNonsenseAndLeavesIsTold() throws {
        let publisher = try Publisher()
        publisher.test.answersAtOnce = false
        try publisher.peer.send(publisher.request() + "NONSENSE\r\n\r\n")
        publisher.peer.connection.halfClose()
        publisher.test.answersAtOnce = true
        publisher.test.run()

        #expect(try publisher.peer.responses().map(\.status) == [202, 400])
        #expect(publisher.peer.connection.isEnded)
    }

    @Test func whoLeavesBetweenRequestsIsClosed() throws {
        let publisher = try Publisher()
        _ = try publisher.peer.ask(publisher.request())
        publisher.peer.connection.halfClose()

        #expect(publisher.peer.connection.isEnded)
    }

    @Test func aQuestionThatNobodyAnswersIsGivenUp() throws {
        let publisher = try Publisher()
        publisher.test.answersAtOnce = false
        try publisher.peer.send(publisher.request() + publisher.request(path: "/"))
        publisher.test.pass(4_900_000_000)
        #expect(try publisher.peer.text().isEmpty)
        publisher.test.pass(200_000_000)

        #expect(try publisher.peer.responses().map(\.status) == [503, 404])
    }

    // MARK: Keep-alive

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: keep-alive", true), ("HTTP/1.1", "Connection: close", false),
        ("HTTP/1.0", "", false), ("HTTP/1.1", "Connection: Close", false),
    ])
    func aConnectionStaysOpenIfItsClientWantsThat(version: String, header: String, stays: Bool) throws {
        let publisher = try Publisher()
        let lines = ["GET /version \(version)", "Host: a"] + (header.isEmpty ? [] : [header]) + ["", ""]
        let answer = try publisher.peer.ask(lines.joined(separator: "\r\n"))

        #expect(answer?.status == 200)
        #expect(answer?.isClose == !stays)
        #expect(publisher.peer.connection.isEnded == !stays)
    }

    @Test func nothingBehindTheLastRequestIsObeyed() throws {
        let publisher = try Publisher()
        try publisher.peer.send(publisher.request(headers: ["Connection: close"]) + publisher.request("smuggled"))
        try publisher.peer.send(publisher.request("later"))

        #expect(try publisher.peer.responses().map(\.status) == [202])
        #expect(publisher.test.published.payloads == ["hello"])
    }

    @Test(arguments: ["Connection: Upgrade\r\nUpgrade: websocket", "Upgrade: h2c", "Connection: Upgrade\r\nUpgrade: "])
    func aPublishThatAsksForAnotherProtocolIsAnsweredAndTheConnectionClosed(headers: String) throws {
        let publisher = try Publisher()
        let answer = try publisher.peer.ask(publisher.request(headers: [headers]))

        #expect(answer?.status == 202 && answer?.isClose == true)
        #expect(publisher.peer.connection.isEnded)
    }

    @Test func aTunnelIsRefusedAndTheConnectionClosed() throws {
        let publisher = try Publisher()
        let answer = try publisher.peer.ask("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n")

        #expect(answer?.status == 400 && answer?.isClose == true)
        #expect(publisher.peer.connection.isEnded)
    }

    @Test func bytesThatNobodyReadsDoNotPileUp() throws {
        let publisher = try Publisher()
        _ = try publisher.peer.ask("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n")
        let junk = [UInt8](repeating: 0x61, count: 1 << 20)
        for _ in 0..<3 where !publisher.peer.connection.isGone { try publisher.peer.send(junk) }

        #expect(publisher.peer.connection.isGone)
    }

    @Test func aClientThatTakesNoAnswersIsReadNoFurther() throws {
        let publisher = try Publisher()
        publisher.peer.connection.setWritable(false)
        let requests = String(repeating: "GET /version HTTP/1.1\r\nHost: a\r\n\r\n", count: 100)
        var reads = 0
        while publisher.peer.connection.isReading, reads < 1_000 {
            try publisher.peer.send(requests)
            reads += 1
        }
        #expect(reads < 100)

        publisher.peer.connection.setWritable(true)
        #expect(publisher.peer.connection.isReading)
        #expect(try publisher.peer.responses().count == reads * 100)
    }

    @Test func aManyMegabyteReadOfRequestsDoesNotStopTheClientForEver() throws {
        let publisher = try Publisher()
        try publisher.peer.send(String(repeating: "GET /version HTTP/1.1\r\nHost: a\r\n\r\n", count: 10_000))

        #expect(publisher.peer.connection.isReading)
        #expect(try publisher.peer.responses().count == 10_000)
    }

    // MARK: Bodies

    @Test func aBodyMayHaveAnyBytesUpToTheLimit() throws {
        let publisher = try Publisher()
        let body = String(repeating: "x", count: 1_000)

        #expect(try publisher.peer.ask(publisher.request(body))?.status == 202)
        #expect(try publisher.peer.ask(publisher.request(""))?.status == 202)
        #expect(publisher.test.published.payloads == [body, ""])
    }

    @Test func aBodyThatSaysItIsTooLargeIsRefusedBeforeItIsSent() throws {
        let publisher = try Publisher()
        let head = publisher.request("").replacing("Content-Length: 0", with: "Content-Length: 1001")
        let answer = try publisher.peer.ask(head)

        #expect(answer?.status == 413 && answer?.isClose == true)
        #expect(publisher.peer.connection.isEnded)
    }

    @Test(arguments: ["9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616"])
    func aLengthNearTheEndOfTheNumbersIsRefused(length: String) throws {
        let publisher = try Publisher()
        let head = publisher.request("").replacing("Content-Length: 0", with: "Content-Length: \(length)")
        try publisher.peer.send(head)
        try publisher.peer.send(String(repeating: "x", count: 2_000))

        #expect([400, 413].contains(try publisher.peer.responses().first?.status))
        #expect(publisher.peer.connection.isEnded)
    }

    @Test func chunksArePutTogether() throws {
        let publisher = try Publisher()
        let head = publisher.request("").replacing("Content-Length: 0", with: "Transfer-Encoding: chunked")
        let answer = try publisher.peer.ask(head + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: a\r\n\r\n")

        #expect(answer?.status == 202 && answer?.isClose == false)
        #expect(publisher.test.published.payloads == ["abcde"])
    }

    @Test func chunksThatAreTooMuchTogetherAreRefused() throws {
        let publisher = try Publisher()
        let head = publisher.request("").replacing("Content-Length: 0", with: "Transfer-Encoding: chunked")
        try publisher.peer.send(head)
        for _ in 0..<11 { try publisher.peer.send("64\r\n" + String(repeating: "x", count: 100) + "\r\n") }

        #expect(try publisher.peer.responses().map(\.status) == [413])
        #expect(publisher.peer.connection.isEnded)
        #expect(publisher.test.published.messages.isEmpty)
    }

    @Test func theBodyOfARefusedRequestIsReadAndLeftAlone() throws {
        let publisher = try Publisher()
        let inner = publisher.request("smuggled")
        try publisher.peer.send(publisher.request(inner, path: "/") + publisher.request("good"))

        #expect(try publisher.peer.responses().map(\.status) == [404, 202])
        #expect(publisher.test.published.payloads == ["good"])
    }

    @Test func aRefusedRequestWithEndlessChunksIsCutOff() throws {
        let publisher = try Publisher()
        let head = publisher.request("", path: "/").replacing("Content-Length: 0", with: "Transfer-Encoding: chunked")
        try publisher.peer.send(head)
        for _ in 0..<11 { try publisher.peer.send("64\r\n" + String(repeating: "x", count: 100) + "\r\n") }

        #expect(try publisher.peer.responses().map(\.status) == [404])
        #expect(publisher.peer.connection.isEnded)
    }

    // MARK: 100-continue

    @Test func aClientThatWaitsIsToldToGoOn() throws {
        let publisher = try Publisher()
        let request = publisher.request("body", headers: ["Expect: 100-continue"])
        try publisher.peer.send(String(request.dropLast(4)))
        #expect(try publisher.peer.text() == "HTTP/1.1 100 Continue\r\n\r\n")

        try publisher.peer.send("body")
        #expect(try publisher.peer.responses().map(\.status) == [202])
    }

    /// It may leave the body out after a refusal (RFC 9110 section 10.1.1), so nobody knows where its next request begins.
    @Test func aClientThatWaitsAndIsRefusedHasToConnectAgain() throws {
        let publisher = try Publisher()
        let request = publisher.request("body", authorization: "none", headers: ["Expect: 100-continue"])
        let answer = try publisher.peer.ask(String(request.dropLast(4)))

        #expect(answer?.status == 401 && answer?.isClose == true)
        #expect(publisher.peer.connection.isEnded)
    }

    // MARK: Bytes as they come

    @Test(arguments: ["good", "unauthorized", "malformed", "chunked", "pipelined"])
    func aRequestThatComesByteByByteIsAnsweredLikeAWholeOne(kind: String) throws {
        func send(_ each: Bool) throws -> ([HTTPPeer.Response], [String]) {
            let publisher = try Publisher()
            let text =
                switch kind {
                case "good": publisher.request(path: publisher.path + "/a%20é")
                case "unauthorized": publisher.request(authorization: "none")
                case "malformed": "POST /x HTTP/1.1\r\nHost : a\r\n\r\n"
                case "chunked":
                    publisher.request("").replacing("Content-Length: 0", with: "Transfer-Encoding: chunked")
                        + "3\r\nabc\r\n0\r\n\r\n"
                default: publisher.request("1") + publisher.request("2")
                }
            let bytes = ByteBuffer(string: text)
            if each {
                try publisher.peer.connection.receiveEach(bytes)
            } else {
                try publisher.peer.connection.receive(bytes)
            }
            let responses = try publisher.peer.responses().map { response in
                var response = response
                response.headers["date"] = nil
                return response
            }
            return (responses, publisher.test.published.payloads)
        }
        let (whole, byBytes) = (try send(false), try send(true))

        #expect(!whole.0.isEmpty)
        #expect(whole.0 == byBytes.0)
        #expect(whole.1 == byBytes.1)
    }
}
