import AdaptersCore
import Foundation
import MQTTCodec
import Messaging
import Model
import NIOCore
import NIOEmbedded
import NIOWebSocket
import TestSupport
import Testing

@testable import AdapterTransport
@testable import MQTTAdapter
@testable import TLSSupport
@testable import WSAdapter

/// How connections end that began well.
@Suite struct EndedConnectionsTests {
    private let clients: CertifiedPeers

    init() throws { clients = try CertifiedPeers() }

    private init(_ clients: CertifiedPeers) { self.clients = clients }

    private func publisher(_ shown: ShownCertificate) throws -> Publisher {
        let test = TestLoop()
        return try Publisher(test) { clients.peer($0, shown, at: test.loop.now) }
    }

    private func webSocket(_ server: WSServer, _ shown: ShownCertificate) throws -> WSPeer {
        let peer = try server.connect(as: clients.peer(server.key, shown, at: server.test.loop.now))
        try peer.send(server.handshake())
        return WSPeer(peer, isOpen: try peer.responses().first?.status == 101)
    }

    private func mqtt(_ server: MQTTServer, _ version: MQTTVersion, _ shown: ShownCertificate) throws -> MQTTPeer {
        let connection = try TestChannel(server.test)
        let peer = clients.peer(server.key, shown, at: server.test.loop.now)
        try connection.channel.pipeline.syncOperations.addHandler(
            MQTTConnection(component: server.component, peer: peer)
        )
        let client = MQTTPeer(connection, key: server.key, version)
        try client.send(client.connect(id: UniqueID.random().description))
        guard case .connack? = try client.packets().first else { throw ChannelError.eof }
        return client
    }

    @Test func aRevokedClientLosesItsHTTPConnection() throws {
        let (bad, good) = try (clients.certify(), clients.certify())
        let publishers = try [bad, good].map { try publisher($0.1) }
        for publisher in publishers {
            #expect(try publisher.peer.ask(publisher.request(authorization: "none"))?.status == 202)
            publisher.test.pass(1_000)
            #expect(!publisher.peer.connection.isEnded)
        }

        try clients.revoke(bad.0)
        for publisher in publishers { publisher.test.pass(1_000) }
        #expect(publishers.map(\.peer.connection.isEnded) == [true, false])
        #expect(try publishers[1].peer.ask(publishers[1].request(authorization: "none"))?.status == 202)
    }

    @Test func aRevokedClientThatAwaitsAnAnswerGetsNone() throws {
        let bad = try clients.certify()
        let publisher = try publisher(bad.1)
        publisher.test.answersAtOnce = false
        try publisher.peer.send(publisher.request(authorization: "none"))

        try clients.revoke(bad.0)
        publisher.test.pass(1_000)
        #expect(publisher.peer.connection.isEnded)
        publisher.test.answer()
        let text = try publisher.peer.text()
        #expect(text.isEmpty)
    }

    @Test func aRevokedClientLosesItsWebSocketBy1008() throws {
        let (bad, good) = try (clients.certify(), clients.certify())
        let server = WSServer()
        let sockets = try [bad, good].map { try webSocket(server, $0.1) }
        let areOpen = sockets.map(\.isOpen)
        #expect(areOpen == [true, true])

        try clients.revoke(bad.0)
        server.test.pass(1_000)
        let codes = try sockets.map { try $0.closeCode() }
        #expect(codes == [1008, nil])
    }

    @Test func whoIsRevokedWhileAWebSocketOpensIsNotLetIn() throws {
        let bad = try clients.certify()
        let server = WSServer()
        server.test.answersAtOnce = false
        let peer = try server.connect(as: clients.peer(server.key, bad.1, at: server.test.loop.now))
        try peer.send(server.handshake())

        try clients.revoke(bad.0)
        for _ in 0..<3 { server.test.answer() }
        #expect(peer.connection.isEnded)
        try server.test.publish("secret", to: Topic(channel: server.channel))
        let text = try peer.text()
        #expect(!text.contains("secret"))
    }

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func aRevokedClientLosesItsMQTTConnection(version: MQTTVersion) throws {
        let (bad, good) = try (clients.certify(), clients.certify())
        let server = MQTTServer()
        let peers = try [bad, good].map { try mqtt(server, version, $0.1) }

        try clients.revoke(bad.0)
        server.test.pass(1_000)
        #expect(peers.map(\.connection.isEnded) == [true, false])
        let reason = try peers[0].disconnectReason()
        #expect(reason == (version == .v5 ? .notAuthorized : nil))
    }

    // MARK: Lifetimes

    @Test func aCertificateThatExpiresEndsWhatItOpened() throws {
        let (short, long) = try (clients.certify(validity: -60...60), clients.certify())
        let (sockets, brokers) = (WSServer(), MQTTServer())
        let publishers = try [short, long].map { try publisher($0.1) }
        for publisher in publishers {
            #expect(try publisher.peer.ask(publisher.request(authorization: "none"))?.status == 202)
        }
        let open = try [short, long].map { try webSocket(sockets, $0.1) }
        let loggedIn = try [short, long].map { try mqtt(brokers, .v5, $0.1) }
        func pass() {
            for test in publishers.map(\.test) + [sockets.test, brokers.test] { test.pass(1_000) }
        }
        clients.ahead.set(58)
        pass()
        let ended = publishers.map(\.peer.connection.isEnded) + open.map(\.connection.isEnded)
        #expect(!ended.contains(true))

        clients.ahead.set(61)
        pass()
        #expect(publishers.map(\.peer.connection.isEnded) == [true, false])
        let codes = try open.map { try $0.closeCode() }
        #expect(codes == [1008, nil])
        let reasons = try loggedIn.map { try $0.disconnectReason() }
        #expect(reasons == [.notAuthorized, nil])
    }

    @Test func aRequestUnderWayIsFinishedWhenTheCertificateExpires() throws {
        let short = try clients.certify(validity: -60...60)
        let publisher = try publisher(short.1)
        publisher.test.answersAtOnce = false
        try publisher.peer.send(publisher.request(authorization: "none"))
        clients.ahead.set(61)
        publisher.test.pass(1_000)
        #expect(!publisher.peer.connection.isEnded)

        for _ in 0..<3 { publisher.test.answer() }
        let answer = try publisher.peer.responses().first
        #expect(answer?.status == 202 && answer?.isClose == true && publisher.peer.connection.isEnded)
    }

    @Test func aLifetimeEndsUpToATenthSooner() throws {
        let clients = try CertifiedPeers(lifetime: .seconds(1_000))
        let second: UInt64 = 1_000_000_000
        let (sockets, brokers, shown) = (WSServer(), MQTTServer(), try clients.certify().1)
        let suite = Self(clients)
        let open = try (0..<20).map { _ in try suite.webSocket(sockets, shown) }
        let loggedIn = try (0..<20).map { _ in try suite.mqtt(brokers, .v5, shown) }
        sockets.test.pass(899 * second)
        brokers.test.pass(899 * second)
        #expect(!open.map(\.connection.isEnded).contains(true))
        #expect(!loggedIn.map(\.connection.isEnded).contains(true))

        sockets.test.pass(50 * second)
        #expect(Set(open.map(\.connection.isEnded)) == [false, true])
        sockets.test.pass(52 * second)
        brokers.test.pass(102 * second)
        let codes = try open.map { try $0.closeCode() }
        #expect(codes.allSatisfy { $0 == 1001 })
        let reasons = try loggedIn.map { try $0.disconnectReason() }
        #expect(reasons.allSatisfy { $0 == .maximumConnectTime })
    }
}

/// When a connection is idle.
@Suite struct IdleConnectionsTests {
    private let limit: UInt64 = 10_000_000_000

    @Test func aWebSocketIsIdleWithoutMessagesInEitherDirection() throws {
        let server = WSServer(idleTimeout: limit)
        let (silent, listener) = try (server.open("/silent"), server.open("/heard"))
        for _ in 0..<3 {
            server.test.pass(limit - 1_000_000_000)
            try server.test.publish("x", to: Topic(channel: server.channel, subtopic: Subtopic("heard")))
            try silent.send(ClientFrame.bytes(.ping))
            server.test.pass(1)
        }
        let isIdle = silent.connection.isEnded
        #expect(isIdle && !listener.connection.isEnded)
        let code = try silent.closeCode()
        #expect(code == 1001)
    }

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func anMQTTClientIsIdleThoughItPings(version: MQTTVersion) throws {
        let server = MQTTServer(idleTimeout: limit)
        let (silent, busy) = try (server.client(version, id: "silent"), server.client(version, id: "busy"))
        for _ in 0..<3 {
            server.test.pass(limit - 1_000_000_000)
            try busy.send(busy.publish("x", to: server.base))
            try silent.send(.pingreq)
            server.test.pass(1)
        }
        #expect(silent.connection.isEnded && !busy.connection.isEnded)
        let reason = try silent.disconnectReason()
        #expect(reason == (version == .v5 ? .administrativeAction : nil))
    }
}
