import AdaptersCore
import Foundation
import MQTTCodec
import Messaging
import Model
import NIOCore
import NIOEmbedded
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
}
