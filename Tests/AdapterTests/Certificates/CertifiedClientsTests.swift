import AdaptersCore
import MQTTCodec
import Messaging
import Model
import NIOCore
import TestSupport
import Testing

@testable import AdapterTransport
@testable import MQTTAdapter

/// What clients with a certificate are answered, protocol by protocol.
@Suite struct CertifiedHTTPTests {
    @Test func aCertificateAlonePublishesAgainAndAgain() throws {
        let publisher = try Publisher { .key($0) }
        for _ in 0..<3 {
            #expect(try publisher.peer.ask(publisher.request(authorization: "none"))?.status == 202)
            #expect(try publisher.peer.ask(publisher.request(authorization: ""))?.status == 202)
            #expect(try publisher.peer.ask(publisher.request())?.status == 202)
            #expect(
                try publisher.peer.ask(publisher.request(authorization: "Thing \(publisher.key.revealed)"))?.status
                    == 202
            )
        }

        #expect(publisher.test.published.messages.count == 12)
        #expect(publisher.test.counters.accessChecks.current == 12)
    }

    /// The connection remembers its last request; that must not let another key through.
    @Test func anotherKeyIsRefusedAlsoBehindAGoodRequest() throws {
        let publisher = try Publisher { .key($0) }
        for authorization in ["nobodys-key", "Bearer nobodys-key", "short"] {
            #expect(try publisher.peer.ask(publisher.request(authorization: "none"))?.status == 202)
            let answer = try publisher.peer.ask(publisher.request(authorization: authorization))
            #expect(answer?.status == 403 && answer?.body.contains("client certificate") == true)
        }

        #expect(publisher.test.published.messages.count == 3)
    }

    @Test(arguments: [Refusal.noCommonName, .severalCommonNames, .unknownKey])
    func aCertificateThatNamesNobodyIsForbidden(reason: Refusal) throws {
        let publisher = try Publisher { _ in .unusable(reason) }

        #expect(try publisher.peer.ask(publisher.request())?.status == 403)
        #expect(try publisher.peer.ask(publisher.request(authorization: "none"))?.status == 403)
        #expect(publisher.test.published.messages.isEmpty)
    }

    @Test func aCertificateOfAThingThatIsGoneIsForbidden() throws {
        let publisher = try Publisher { _ in .key(.random()) }

        #expect(try publisher.peer.ask(publisher.request(authorization: "none"))?.status == 403)
    }

    @Test func aRightThatIsTakenIsTakenFromCertificatesToo() throws {
        let publisher = try Publisher { .key($0) }
        #expect(try publisher.peer.ask(publisher.request(authorization: "none"))?.status == 202)

        publisher.test.rights.apply(.thingRemoved(publisher.identity.thing))
        publisher.test.loop.apply(.thingRemoved(publisher.identity.thing))

        #expect(try publisher.peer.ask(publisher.request(authorization: "none"))?.status == 403)
    }
}

@Suite struct CertifiedWSTests {
    @Test(arguments: [
        ("none", "", 101), ("KEY", "", 101), ("none", "?authorization=KEY", 101), ("KEY", "?authorization=KEY", 101),
        ("nobodys-key", "", 403), ("none", "?authorization=nobodys-key", 403),
        ("KEY", "?authorization=nobodys-key", 403), ("none", "?authorization=KEY&authorization=nobodys-key", 403),
        ("nobodys-key", "?authorization=KEY", 403),
    ])
    func headerAndQueryAreTheKeyOrLeftOut(header: String, query: String, status: Int) throws {
        let server = WSServer()
        let key = server.key.revealed
        let text = server.handshake(
            path: server.path + query.replacing("KEY", with: key),
            authorization: header.replacing("KEY", with: key),
            without: header == "none" ? "Authorization" : "none"
        )

        #expect(try server.connect(.key(server.key)).ask(text)?.status == status)
    }

    @Test(arguments: [ClientCertificate.unusable(.noCommonName), .key(.random())])
    func aCertificateThatNamesNobodyIsForbidden(certificate: ClientCertificate) throws {
        let server = WSServer()

        #expect(try server.connect(certificate).ask(server.handshake())?.status == 403)
        #expect(try server.connect(certificate).ask(server.handshake(without: "Authorization"))?.status == 403)
    }
}

@Suite struct CertifiedMQTTTests {
    private let server = MQTTServer()

    /// The code of the CONNACK that a client gets.
    private func code(
        _ version: MQTTVersion,
        _ certificate: ClientCertificate,
        userName: String? = nil,
        password: String? = nil
    ) throws -> MQTTReasonCode? {
        let peer = try server.open(version, certificate)
        let connect = Connect(
            version: version,
            clientID: "c",
            userName: userName,
            password: password.map { ByteBuffer(string: $0) }
        )
        try peer.send(.connect(connect))
        guard case .connack(let connack)? = try peer.packets().first else { return nil }
        #expect(peer.connection.isEnded == (connack.reasonCode != .success))
        return connack.reasonCode
    }

    @Test(arguments: [MQTTVersion.v3_1, .v3_1_1, .v5])
    func userNameAndPasswordMayBeLeftOut(version: MQTTVersion) throws {
        let certificate = ClientCertificate.key(server.key)
        let (id, key) = (server.identity.thing.description, server.key.revealed)

        #expect(try code(version, certificate) == .success)
        #expect(try code(version, certificate, userName: id) == .success)
        #expect(try code(version, certificate, userName: id, password: key) == .success)
        #expect(try code(version, certificate, userName: "", password: key) == .success)
        #expect(try code(version, certificate, userName: id, password: "") == .success)
    }

    @Test(arguments: [MQTTVersion.v3_1, .v3_1_1, .v5])
    func anotherPasswordIsNotAuthorized(version: MQTTVersion) throws {
        let certificate = ClientCertificate.key(server.key)
        for password in ["nobodys-key", "short", server.key.revealed + "x"] {
            #expect(try code(version, certificate, userName: "", password: password) == .notAuthorized)
        }
    }

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func aCertificateThatNamesNobodyIsNotAuthorized(version: MQTTVersion) throws {
        for certificate in [ClientCertificate.unusable(.noCommonName), .unusable(.severalCommonNames), .key(.random())]
        {
            #expect(try code(version, certificate) == .notAuthorized)
        }
        let unusable = ClientCertificate.unusable(.noCommonName)
        #expect(try code(version, unusable, userName: "", password: server.key.revealed) == .notAuthorized)
    }

    @Test func theUserNameIsTheThingOfTheCertificate() throws {
        let name = Thing.ID.random().description

        #expect(try code(.v5, .key(server.key), userName: name) == .badUserNameOrPassword)
    }

    @Test(arguments: [true, false])
    func aSessionThatACertificateOpenedIsCut(isRemoved: Bool) throws {
        let peer = try server.open(.v5, .key(server.key))
        try peer.send(.connect(Connect(version: .v5, clientID: "c")))
        _ = try peer.packets()
        #expect(!peer.connection.isEnded)

        let thing = server.identity.thing
        server.test.loop.apply(isRemoved ? .thingRemoved(thing) : .keyChanged(thing))

        #expect(try peer.disconnectReason() == .notAuthorized)
        #expect(peer.connection.isEnded)
    }
}

extension ThingKey {
    fileprivate var revealed: String { secret.revealed }
}
