import FluxgateClient
import Messaging
import NIOCore
import NIOHTTP1
import NIOWebSocket
import Testing

@Suite struct WebSocketClientTests {
    @Test func sendsOneMaskedMessageAndCloses() async throws {
        let heads = Recorder<HTTPRequestHead>()
        let frames = Recorder<WebSocketFrame>()

        try await withWebSocketStub(heads: heads) { frame in
            frames.record(frame)
            return frame.opcode == .connectionClose ? [.close(1000)] : [.text("an echo")]
        } _: {
            try await MessageTarget.at($0).send(.sample("payload", subtopic: "a/b", type: "text/x"))
        }

        let head = try #require(heads.all.first)
        #expect(head.uri == "/channels/\(MessageTarget.channelOfTests)/messages/a/b")
        #expect(head.headers["Authorization"] == ["key-number-1"])
        #expect(head.headers["Content-Type"] == ["text/x"])
        #expect(frames.all.map(\.opcode) == [.text, .connectionClose])
        #expect(frames.all.allSatisfy { $0.maskKey != nil })
        #expect(frames.all.first.map { String(buffer: $0.unmaskedData) } == "payload")
    }

    @Test func aPayloadThatIsNoTextGoesOutAsBinary() async throws {
        let frames = Recorder<WebSocketFrame>()

        try await withWebSocketStub { frame in
            frames.record(frame)
            return frame.opcode == .connectionClose ? [.close(1000)] : []
        } _: { address in
            let payload = ByteBuffer(bytes: [0xFF, 0x00])
            try await MessageTarget.at(address)
                .send(OutgoingMessage(subtopic: .none, contentType: "", payload: payload))
            try await MessageTarget.at(address).send(.sample("a", type: "application/senml+cbor"))
        }

        #expect(frames.all.map(\.opcode) == [.binary, .connectionClose, .binary, .connectionClose])
    }

    @Test(arguments: [
        (1008, CommandStatus.notAuthorized), (1009, .badInput), (1013, .unavailable), (1002, .protocolError),
    ])
    func aMessageThatIsNotTakenIsTold(_ code: Int, expected: CommandStatus) async throws {
        try await withWebSocketStub { frame in
            frame.opcode == .connectionClose ? [] : [.close(UInt16(code), "that is why")]
        } _: { address in
            await #expect {
                try await MessageTarget.at(address).send(.sample())
            } throws: {
                isFailure(expected, $0) && "\($0)".contains("that is why")
            }
        }
    }

    @Test func watchesWholeMessagesUntilTheLast() async throws {
        let heads = Recorder<HTTPRequestHead>()
        let frames = [
            WebSocketFrame.text("one"), .text("tw", fin: false),
            WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer(string: "there?")),
            WebSocketFrame(fin: true, opcode: .continuation, data: ByteBuffer(string: "o")),
        ]

        let messages = try await withWebSocketStub(greeting: frames, heads: heads) { frame in
            guard frame.opcode == .pong else { return [] }
            return [WebSocketFrame(fin: true, opcode: .binary, data: frame.unmaskedData), .text("four")]
        } _: {
            try await watch("a/>", at: $0, until: 3)
        }

        #expect(messages == ["one", "two", "there?"])
        #expect(heads.all.map(\.uri) == ["/channels/\(MessageTarget.channelOfTests)/messages/a/%3E"])
    }

    @Test(arguments: [(1008, CommandStatus.notAuthorized), (1001, .unavailable), (1000, .unavailable)])
    func aSubscriptionThatIsCutIsTold(_ code: Int, expected: CommandStatus) async throws {
        try await withWebSocketStub(greeting: [.text("one"), .close(UInt16(code))]) { _ in
            []
        } _: { address in
            await #expect {
                try await watch(at: address, until: 2)
            } throws: {
                isFailure(expected, $0)
            }
        }
    }

    @Test(arguments: [
        (HTTPResponseStatus.forbidden, CommandStatus.notAuthorized), (.badRequest, .badInput),
        (.serviceUnavailable, .unavailable), (.ok, .protocolError), (.notFound, .protocolError),
    ])
    func aHandshakeThatIsRefusedIsTold(_ status: HTTPResponseStatus, expected: CommandStatus) async throws {
        try await withHTTPStub { _ in
            (status, #"{"detail":"because of that"}"#)
        } _: { http in
            let address = try #require(ServiceAddress("ws://127.0.0.1:\(http.port)"))
            await #expect {
                try await watch(at: address, until: 1)
            } throws: {
                isFailure(expected, $0) && ("\($0)".contains("because of that") || status == .ok)
            }
        }
    }

    @Test func framesThatAreNoneAreAProtocolError() async throws {
        let reserved = WebSocketFrame(fin: true, opcode: .continuation, data: ByteBuffer(string: "of what?"))

        try await withWebSocketStub(greeting: [reserved]) { _ in
            []
        } _: { address in
            await #expect {
                try await watch(at: address, until: 1)
            } throws: {
                isFailure(.protocolError, $0)
            }
        }
    }

    @Test func aPortThatNobodyListensOnIsUnavailable() async throws {
        let address = try await closedAddress(scheme: "ws")

        await #expect {
            try await MessageTarget.at(address).send(.sample())
        } throws: {
            isFailure(.unavailable, $0) && "\($0)".contains("connection refused.")
        }
    }

    @Test func aWatchThatIsCanceledEnds() async throws {
        try await withWebSocketStub { _ in
            []
        } _: { address in
            let target = try MessageTarget.at(address)
            let (stands, standing) = AsyncStream.makeStream(of: Void.self)
            let watch = Task {
                try await target.watch(SubtopicFilter(levels: [], tail: .exact)) {
                    standing.finish()
                } received: { _ in
                    true
                }
            }
            for await _ in stands {}

            watch.cancel()

            await #expect(throws: CancellationError.self) { try await watch.value }
        }
    }
}
