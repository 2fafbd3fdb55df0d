import FluxgateClient
import Foundation
import Model
import NIOCore
import NIOHTTP1
import Testing

@Suite struct ProvisionerTests {
    private let token = Secret("token-of-jane")
    private let thing = #"{"id":"00000000-0000-4000-8000-00000000000%","name":"x","key":"made-key-%"}"#
    private let channel = #"{"id":"10000000-0000-4000-8000-00000000000%"}"#

    private func numbered(_ row: String, _ count: Int) -> String {
        (0..<count).map { row.replacing("%", with: "\($0)") }.joined(separator: ",")
    }

    private func plan(_ connections: ProvisionPlan.Connections = .all) -> ProvisionPlan {
        ProvisionPlan(
            things: [.init(name: "t0", key: ThingKey("my-key-0"), metadata: ["a": .integer(1)]), .init(name: "t1")],
            channels: [.init(name: "c0")],
            connections: connections
        )
    }

    private func carryOut(
        _ plan: ProvisionPlan,
        at address: ServiceAddress,
        into record: ProvisionRecord
    ) async throws -> [Int] {
        let progress = Recorder<Int>()
        try await RESTClient.run(timeout: .seconds(30)) { rest in
            try await Provisioner(rest, things: address, token: token)
                .carryOut(plan, into: record) { progress.record($0) }
        }
        return progress.all
    }

    @Test func makesThingsChannelsAndConnectionsInThatOrder() async throws {
        let requests = Recorder<StubRequest>()
        let things = numbered(thing, 2)
        let channels = numbered(channel, 1)
        let record = ProvisionRecord()

        let progress = try await withHTTPStub { request in
            requests.record(request)
            return switch request.head.uri {
            case "/things/bulk": (.created, #"{"things":[\#(things)]}"#)
            case "/channels/bulk": (.created, #"{"channels":[\#(channels)]}"#)
            default: (.ok, "")
            }
        } _: {
            try await carryOut(plan(), at: $0, into: record)
        }

        #expect(requests.all.map(\.head.uri) == ["/things/bulk", "/channels/bulk", "/connect"])
        #expect(requests.all.allSatisfy { $0.head.headers["Authorization"] == ["token-of-jane"] })
        #expect(requests.all.allSatisfy { $0.head.headers["Content-Type"] == ["application/json"] })
        let sent = try requests.all.map {
            try JSONDecoder().decode(JSONValue.self, from: Data($0.body.readableBytesView))
        }
        let first: JSONObject = [
            "name": .string("t0"), "key": .string("my-key-0"), "metadata": .object(["a": .integer(1)]),
        ]
        #expect(sent[0] == .array([.object(first), .object(["name": .string("t1")])]))
        #expect(sent[1] == .array([.object(["name": .string("c0")])]))
        #expect(
            sent[2]
                == .object([
                    "channel_ids": .array([.string("10000000-0000-4000-8000-000000000000")]),
                    "thing_ids": .array([
                        .string("00000000-0000-4000-8000-000000000000"),
                        .string("00000000-0000-4000-8000-000000000001"),
                    ]),
                ])
        )
        #expect(record.made.things.map(\.name) == ["t0", "t1"])
        #expect(record.made.things.map(\.key.secret.revealed) == ["made-key-0", "made-key-1"])
        #expect(record.made.connections == 2)
        #expect(progress == [2, 3, 5])
    }

    @Test func whatWasMadeBeforeARefusalIsKept() async throws {
        let things = numbered(thing, 2)
        let record = ProvisionRecord()

        try await withHTTPStub { request in
            request.head.uri == "/things/bulk"
                ? (.created, #"{"things":[\#(things)]}"#)
                : (.unprocessableEntity, #"{"error":"e","detail":"not that name"}"#)
        } _: { address in
            await #expect(
                throws: ClientFailure(.badInput, "Creating channels: the server answered 422: not that name.")
            ) {
                try await carryOut(plan(), at: address, into: record)
            }
        }

        #expect(record.made.things.count == 2)
        #expect(record.made.channels.isEmpty)
    }

    @Test(arguments: [
        "", "{}", #"{"things":[]}"#, #"{"things":[{"id":"1","key":"made-key-1"},{"id":"2","key":"made-key-2"}]}"#,
    ])
    func anAnswerThatIsNoneOfOursIsAProtocolError(_ answer: String) async throws {
        try await withHTTPStub { _ in
            (.created, answer)
        } _: { address in
            await #expect {
                try await carryOut(plan(), at: address, into: ProvisionRecord())
            } throws: {
                ($0 as? ClientFailure)?.status == .protocolError
            }
        }
    }

    @Test func aPortThatNobodyListensOnIsUnavailable() async throws {
        let address = try await closedAddress(scheme: "http")

        await #expect {
            try await carryOut(plan(), at: address, into: ProvisionRecord())
        } throws: { error in
            (error as? ClientFailure)?.status == .unavailable && "\(error)".contains("connection refused.")
        }
    }

    @Test func aRedirectIsNotFollowedWithTheToken() async throws {
        let requests = Recorder<StubRequest>()

        try await withHTTPStub { request in
            requests.record(request)
            return (.temporaryRedirect, "")
        } _: { address in
            await #expect {
                try await carryOut(plan(), at: address, into: ProvisionRecord())
            } throws: {
                ($0 as? ClientFailure)?.status == .protocolError
            }
        }

        #expect(requests.all.count == 1)
    }

    @Test func registersAndLogsIn() async throws {
        let requests = Recorder<StubRequest>()

        let token = try await withHTTPStub { request in
            requests.record(request)
            return (.created, request.head.uri == "/tokens" ? #"{"token":"abc"}"# : "")
        } _: { address in
            try await RESTClient.run(timeout: .seconds(30)) { rest in
                try await Login(email: "jane@example.com", password: Secret("long enough"), registers: true)
                    .token(rest, users: address)
            }
        }

        #expect(token == Secret("abc"))
        #expect(requests.all.map(\.head.uri) == ["/users", "/tokens"])
        #expect(requests.all.allSatisfy { String(buffer: $0.body).contains("long enough") })
        #expect(requests.all.allSatisfy { !$0.head.headers.contains(name: "Authorization") })
    }

    @Test(arguments: [
        (HTTPResponseStatus.forbidden, "", CommandStatus.notAuthorized), (.tooManyRequests, "", .unavailable),
        (.created, #"{"token":"a\r\nb"}"#, .protocolError), (.created, #"{}"#, .protocolError),
    ])
    func aLogInThatFailsSaysHow(_ status: HTTPResponseStatus, answer: String, expected: CommandStatus) async throws {
        try await withHTTPStub { _ in
            (status, answer)
        } _: { address in
            await #expect {
                try await RESTClient.run(timeout: .seconds(30)) { rest in
                    try await Login(email: "jane@example.com", password: Secret("long enough"), registers: false)
                        .token(rest, users: address)
                }
            } throws: { error in
                (error as? ClientFailure)?.status == expected && !"\(error)".contains("long enough")
            }
        }
    }
}
