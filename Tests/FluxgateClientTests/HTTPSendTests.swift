import FluxgateClient
import NIOCore
import NIOHTTP1
import Testing

@Suite struct HTTPSendTests {
    @Test func postsThePayloadToTheSubtopic() async throws {
        let requests = Recorder<StubRequest>()

        try await withHTTPStub { request in
            requests.record(request)
            return (.accepted, "")
        } _: {
            try await MessageTarget.at($0).send(.sample("{\"é\"}", subtopic: "a/b", type: "text/x"))
        }

        let request = try #require(requests.all.first)
        #expect(requests.all.count == 1)
        #expect(request.head.method == .POST)
        #expect(request.head.uri == "/channels/\(MessageTarget.channelOfTests)/messages/a/b")
        #expect(request.head.headers["Authorization"] == ["key-number-1"])
        #expect(request.head.headers["Content-Type"] == ["text/x"])
        #expect(String(buffer: request.body) == "{\"é\"}")
    }

    @Test func anEmptyContentTypeIsNotSent() async throws {
        let requests = Recorder<StubRequest>()

        try await withHTTPStub { request in
            requests.record(request)
            return (.accepted, "")
        } _: {
            try await MessageTarget.at($0).send(.sample())
        }

        #expect(requests.all.map { $0.head.headers.contains(name: "Content-Type") } == [false])
    }

    @Test(arguments: [
        (HTTPResponseStatus.unauthorized, CommandStatus.notAuthorized), (.forbidden, .notAuthorized),
        (.payloadTooLarge, .badInput), (.serviceUnavailable, .unavailable), (.notFound, .protocolError),
    ])
    func aRefusalIsTold(_ status: HTTPResponseStatus, expected: CommandStatus) async throws {
        try await withHTTPStub { _ in
            (status, #"{"detail":"because of that"}"#)
        } _: { address in
            await #expect {
                try await MessageTarget.at(address).send(.sample())
            } throws: { error in
                isFailure(expected, error) && "\(error)".contains("because of that")
                    && !"\(error)".contains("key-number")
            }
        }
    }

    @Test func aServerThatSpeaksNoHTTPIsAProtocolError() async throws {
        try await withMQTTStub { _ in
            []
        } _: { mqtt in
            let address = try #require(ServiceAddress("http://127.0.0.1:\(mqtt.port)"))
            await #expect(throws: ClientFailure.self) { try await MessageTarget.at(address).send(.sample()) }
        }
    }
}
