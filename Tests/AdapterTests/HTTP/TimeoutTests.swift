import Testing

@testable import AdapterTransport

/// Requests must arrive in 10 µs here, and connections may be idle for 1 ms; time passes when the test says so.
@Suite struct HTTPTimeoutTests {
    private let tooLong: UInt64 = 1_000_000_000

    @Test func aConnectionThatSaysNothingIsTold() throws {
        let publisher = try Publisher()
        publisher.test.pass(tooLong)

        #expect(try publisher.peer.responses().map(\.status) == [408])
        #expect(publisher.peer.connection.isEnded)
    }

    @Test func halfAHeadIsTold() throws {
        let publisher = try Publisher()
        try publisher.peer.send("POST /channels HTTP/1.1\r\nHost: a\r\nX: ")
        publisher.test.pass(tooLong)

        #expect(try publisher.peer.responses().map(\.status) == [408])
    }

    @Test func halfABodyIsTold() throws {
        let publisher = try Publisher()
        try publisher.peer.send(String(publisher.request("hello").dropLast(2)))
        publisher.test.pass(tooLong)

        #expect(try publisher.peer.responses().map(\.status) == [408])
        #expect(publisher.peer.connection.isEnded)
        #expect(publisher.test.published.messages.isEmpty)
    }

    @Test func halfTheBodyOfARefusedRequestIsNotAnsweredTwice() throws {
        let publisher = try Publisher()
        try publisher.peer.send(String(publisher.request("hello", path: "/").dropLast(2)))
        publisher.test.pass(tooLong)

        #expect(try publisher.peer.responses().map(\.status) == [404])
        #expect(publisher.peer.connection.isEnded)
    }

    @Test func theSecondRequestHasItsOwnTime() throws {
        let publisher = try Publisher()
        _ = try publisher.peer.ask(publisher.request())
        try publisher.peer.send("POST / HT")
        publisher.test.pass(tooLong)

        #expect(try publisher.peer.responses().map(\.status) == [408])
    }

    @Test func aConnectionThatIsIdleBetweenRequestsIsClosedWithoutAWord() throws {
        let publisher = try Publisher()
        _ = try publisher.peer.ask(publisher.request())
        publisher.test.pass(tooLong)

        #expect(try publisher.peer.text().isEmpty)
        #expect(publisher.peer.connection.isGone)
    }

    @Test func nobodyIsTimedOutWhileTheServerHasTheAnswer() throws {
        let publisher = try Publisher()
        publisher.test.answersAtOnce = false
        try publisher.peer.send(publisher.request())
        publisher.test.pass(tooLong * 4)
        #expect(!publisher.peer.connection.isEnded)

        publisher.test.answersAtOnce = true
        publisher.test.run()
        #expect(try publisher.peer.responses().map(\.status) == [202])
    }

    @Test func aClientThatDoesNotCloseAfterItsLastAnswerIsClosed() throws {
        let publisher = try Publisher()
        _ = try publisher.peer.ask(publisher.request(headers: ["Connection: close"]))
        #expect(publisher.peer.connection.isEnded && !publisher.peer.connection.isGone)
        publisher.test.pass(2_000_000_000)

        #expect(publisher.peer.connection.isGone)
        #expect(publisher.peer.component.connectionCount == 0)
    }

    @Test func anOverlongHeadIsRefused() throws {
        for headers in [
            ["X: " + String(repeating: "a", count: 9_000)], (0..<101).map { "X-\($0): a" },
            (0..<90).map { "X-\($0): " + String(repeating: "a", count: 200) },
        ] {
            let publisher = try Publisher()
            let answer = try publisher.peer.ask(publisher.request(headers: headers))

            #expect(answer?.status == 431 && answer?.isClose == true)
            #expect(publisher.peer.connection.isEnded)
        }
    }

    // MARK: The end of the program

    @Test func anIdleConnectionIsClosedWhenTheServerStops() throws {
        let publisher = try Publisher()
        _ = try publisher.peer.ask(publisher.request())
        publisher.test.loop.shutDown()
        publisher.test.run()

        #expect(publisher.peer.connection.isGone)
    }

    @Test func aRequestThatIsUnderWayWhenTheServerStopsIsAnsweredAsTheLast() throws {
        let publisher = try Publisher()
        let request = publisher.request()
        try publisher.peer.send(String(request.dropLast(2)))
        publisher.test.loop.shutDown()
        let answer = try publisher.peer.ask(String(request.suffix(2)))

        #expect(answer?.status == 202 && answer?.isClose == true)
        #expect(publisher.peer.connection.isEnded)
    }
}
