import Bootstrap
import MQTTCodec
import Messaging
import Testing

@testable import AdapterTransport

/// What clients notice of limits.
@Suite struct LimitedClientsTests {
    private func loop(_ change: (inout LimitSettings) -> Void) -> TestLoop {
        var limits = LimitSettings()
        change(&limits)
        return TestLoop(limits: limits)
    }

    // MARK: Connections and subscriptions of a tenant

    @Test(arguments: [(MQTTVersion.v3_1_1, MQTTReasonCode.serverUnavailable), (.v5, .quotaExceeded)])
    func anMQTTLogInBeyondTheLimitIsRefused(version: MQTTVersion, code: MQTTReasonCode) throws {
        let server = MQTTServer(loop { $0.tenantConnections = 1 })
        let first = try server.client(version, id: "first")
        let second = try server.open(version)
        try second.send(second.connect(id: "second"))
        #expect(try second.packets() == [.connack(Connack(reasonCode: code))])
        #expect(second.connection.isEnded)
        try first.send(.disconnect(Disconnect()))
        _ = try server.client(version, id: "third")
    }

    @Test func whoTakesItsOwnPlaceIsLetIn() throws {
        let server = MQTTServer(loop { $0.tenantConnections = 1 })
        _ = try server.client(id: "same")
        _ = try server.client(id: "same")
    }

    @Test func subscriptionsBeyondTheLimitAreRefusedEachByItself() throws {
        let server = MQTTServer(loop { $0.tenantSubscriptions = 2 })
        let peer = try server.client(.v5)
        let filters = ["a", "b", "c"].map { "\(server.base)/\($0)" }
        let first = try peer.subscribe((filters[0], .atMostOnce), (filters[1], .atMostOnce), (filters[2], .atMostOnce))
        #expect(first == [.granted(.atMostOnce), .granted(.atMostOnce), .quotaExceeded])
        // The same one again is no other.
        #expect(try peer.subscribe((filters[0], .atLeastOnce)) == [.granted(.atLeastOnce)])
        try peer.send(.unsubscribe(Unsubscribe(packetID: 2, filters: [filters[0]])))
        _ = try peer.packets()
        #expect(try peer.subscribe((filters[2], .atMostOnce)) == [.granted(.atMostOnce)])
        try peer.send(.disconnect(Disconnect()))
        let other = try server.client(.v5)
        #expect(try other.subscribe((filters[0], .atMostOnce), (filters[1], .atMostOnce)).allSatisfy { !$0.isFailure })
    }

    @Test func aWebSocketBeyondTheLimitIsAnswered429() throws {
        let server = WSServer(loop { $0.tenantConnections = 1 })
        let first = try server.connect()
        try first.send(server.handshake())
        #expect(try first.text().hasPrefix("HTTP/1.1 101"))
        let second = try server.connect()
        #expect(try second.ask(server.handshake())?.status == 429)
        first.connection.lose()
        let third = try server.connect()
        try third.send(server.handshake())
        #expect(try third.text().hasPrefix("HTTP/1.1 101"))
    }

    // MARK: Rates

    @Test func anMQTTClientThatPublishesTooFastIsReadMoreSlowly() throws {
        let server = MQTTServer(loop { $0.connectionRate.messages = 10 })
        let peer = try server.client()
        for number in 1...15 {
            try peer.send(peer.publish("\(number)", to: server.base, qos: .atLeastOnce, id: UInt16(number)))
        }
        // A burst of one second, and the one that was read before it was too much.
        #expect(server.test.published.payloads.count == 11)
        server.test.pass(100_000_000)
        #expect(server.test.published.payloads.count == 12)
        server.test.pass(1_000_000_000)
        #expect(server.test.published.payloads == (1...15).map { "\($0)" })
        #expect(try peer.packets().count == 15)
        #expect(server.test.counters.throttledMQTT.current > 0)
    }

    @Test func anotherConnectionOfTheSameTenantShareesItsRate() throws {
        let test = loop { $0.tenantRate.messages = 10 }
        let server = MQTTServer(test)
        let (one, other) = (try server.client(id: "one"), try server.client(id: "other"))
        for number in 1...11 { try one.send(one.publish("\(number)", to: server.base)) }
        try other.send(other.publish("first", to: server.base), other.publish("second", to: server.base))
        #expect(test.published.payloads.count == 12)
        let stranger = MQTTServer(test)
        let foreign = try stranger.client()
        for number in 1...5 { try foreign.send(foreign.publish("\(number)", to: stranger.base)) }
        #expect(test.published.payloads.count == 17)
    }

    @Test func overHTTPTooManyAreAnswered429() throws {
        let publisher = try Publisher(loop { $0.tenantRate.messages = 10 })
        var answers: [HTTPPeer.Response] = []
        for _ in 0..<13 { answers += [try publisher.peer.ask(publisher.request())].compactMap { $0 } }
        #expect(answers.map(\.status) == Array(repeating: 202, count: 11) + [429, 429])
        #expect(answers.last?.headers["retry-after"] == "1")
    }

    @Test func aWebSocketThatSendsTooFastIsReadMoreSlowly() throws {
        let server = WSServer(loop { $0.connectionRate.bytes = 100 })
        let peer = try server.open()
        for number in 0..<4 { try peer.send(ClientFrame.text("\(number)" + String(repeating: "x", count: 59))) }
        #expect(server.test.published.payloads.count == 2)
        server.test.pass(200_000_000)
        #expect(server.test.published.payloads.count == 3)
        server.test.pass(600_000_000)
        #expect(server.test.published.payloads.count == 4)
    }
}
