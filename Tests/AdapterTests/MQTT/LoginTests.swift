import MQTTCodec
import Messaging
import Model
import NIOCore
import TestSupport
import Testing

@testable import AdapterTransport
@testable import MQTTAdapter

@Suite struct MQTTLoginTests {
    /// The code of the CONNACK that came first.
    private func connack(_ peer: MQTTPeer) throws -> MQTTReasonCode? {
        if case .connack(let connack)? = try peer.packets().first { connack.reasonCode } else { nil }
    }

    @Test(arguments: [MQTTVersion.v3_1, .v3_1_1, .v5])
    func aKeyLogsIn(version: MQTTVersion) throws {
        let server = MQTTServer()
        let peer = try server.open(version)
        try peer.send(peer.connect(id: "c"))

        #expect(try connack(peer) == .success)
        #expect(!peer.connection.isEnded)
        #expect(server.component.connectionCount == 1 && server.test.counters.connectionsMQTT.current == 1)
    }

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func theUserNameIsTheThingInAnySpellingOrLeftOut(version: MQTTVersion) throws {
        let server = MQTTServer()
        let id = server.identity.thing.description
        for (name, code) in [
            ("", MQTTReasonCode.success), (id, .success), (id.uppercased(), .success),
            (Thing.ID.random().description, .badUserNameOrPassword), ("nonsense", .badUserNameOrPassword),
            (id.filter { $0 != "-" }, .badUserNameOrPassword), (id + " ", .badUserNameOrPassword),
        ] {
            let peer = try server.open(version)
            try peer.send(peer.connect(id: "c", userName: name))
            #expect(try connack(peer) == code, "\(name)")
            #expect(peer.connection.isEnded == (code != .success))
        }
    }

    @Test(arguments: [MQTTVersion.v3_1, .v3_1_1, .v5])
    func aKeyThatIsNobodysIsRefused(version: MQTTVersion) throws {
        let server = MQTTServer()
        let peer = try server.open(version)
        try peer.send(peer.connect(id: "c", key: .random()))

        #expect(try connack(peer) == .badUserNameOrPassword)
        #expect(peer.connection.isEnded)
    }

    @Test(
        arguments: [[], Array("short".utf8), [0xFF, 0xFE, 1, 2, 3, 4, 5, 6], Array("with a blank".utf8)] as [[UInt8]]
    )
    func aPasswordThatCannotBeAKeyIsRefused(password: [UInt8]) throws {
        let server = MQTTServer()
        let peer = try server.open(.v5)
        try peer.send(.connect(Connect(version: .v5, clientID: "c", password: ByteBuffer(bytes: password))))

        #expect(try connack(peer) == .badUserNameOrPassword)
        #expect(server.test.questions.isEmpty)
    }

    @Test func whoHasNoPasswordIsRefused() throws {
        let peer = try MQTTServer().open()
        try peer.send(.connect(Connect(version: .v3_1_1, clientID: "c")))

        #expect(try connack(peer) == .badUserNameOrPassword)
    }

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func anOutageIsRetryable(version: MQTTVersion) throws {
        let server = MQTTServer()
        server.test.rights.isOut = true
        let peer = try server.open(version)
        try peer.send(peer.connect(id: "c"))

        #expect(try connack(peer) == .serverUnavailable)
        #expect(peer.connection.isEnded)
    }

    @Test func aWillThatCouldNotBePublishedIsRefused() throws {
        let server = MQTTServer()
        let wills: [(String, MQTTProperties)] = [
            ("elsewhere", []), ("\(server.base)/a b", []), (server.base, [.contentType("a\u{1}")]),
        ]
        for (topic, properties) in wills {
            let peer = try server.open(.v5)
            let will = Will(topic: topic, payload: ByteBuffer(), properties: properties)
            try peer.send(peer.connect(id: "c", will: will))
            #expect(try connack(peer) == .topicNameInvalid)
        }
    }

    @Test func aConnectThatComesByteByByteLogsIn() throws {
        let server = MQTTServer()
        let will = Will(topic: server.base, payload: ByteBuffer(string: "w"), properties: [.contentType("a/b")])
        let peer = try server.open(.v5)
        let bytes = try peer.bytes(peer.connect(id: "client", userName: server.identity.thing.description, will: will))
        try peer.connection.receiveEach(bytes)

        #expect(try connack(peer) == .success)
    }

    @Test func aConnectThatIsCutAnywhereLogsInWhenTheRestComes() throws {
        let server = MQTTServer()
        let connect = try server.open(.v5).connect(id: "client")
        let whole = try server.open(.v5).bytes(connect)
        for cut in 1..<whole.readableBytes {
            let peer = try server.open(.v5)
            var rest = whole
            let start = rest.readSlice(length: cut)
            try peer.connection.receive(try #require(start))
            #expect(try peer.packets().isEmpty)
            try peer.connection.receive(rest)
            #expect(try connack(peer) == .success)
        }
    }

    @Test func whatComesWithTheConnectWaitsForTheLogin() throws {
        let server = MQTTServer()
        server.test.answersAtOnce = false
        let peer = try server.open()
        try peer.send(peer.connect(), peer.publish("1", to: server.base), .pingreq)
        try peer.send(peer.publish("2", to: server.base))
        #expect(try peer.packets().isEmpty)
        #expect(!peer.connection.isReading)

        server.test.answersAtOnce = true
        server.test.run()
        #expect(try peer.packets().map(\.type) == [.connack, .pingresp])
        #expect(server.test.published.payloads == ["1", "2"])
        #expect(peer.connection.isReading)
    }

    @Test func aKeyThatIsTakenWhileItIsLookedUpLogsNobodyIn() throws {
        let server = MQTTServer()
        server.test.answersAtOnce = false
        let peer = try server.open()
        try peer.send(peer.connect())
        server.test.take(.keyChanged(server.identity.thing))
        server.test.answersAtOnce = true
        server.test.run()

        #expect(try connack(peer) == .badUserNameOrPassword)
    }

    @Test func whoGoesDuringTheLoginIsForgotten() throws {
        let server = MQTTServer()
        server.test.answersAtOnce = false
        let peer = try server.open()
        try peer.send(peer.connect())
        peer.connection.lose()
        server.test.answersAtOnce = true
        server.test.run()

        #expect(server.component.connectionCount == 0)
    }

    @Test(
        arguments: [
            [0x30, 2, 0, 0], [0xC0, 0], [0x00, 0], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [0x10, 0xFF, 0xFF, 0xFF, 0x7F],
            Array("GET / HTTP/1.1\r\n\r\n".utf8), [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3],
        ] as [[UInt8]]
    )
    func whoSendsSomethingElseFirstIsClosed(bytes: [UInt8]) throws {
        let server = MQTTServer()
        let peer = try server.open()
        try peer.connection.receive(ByteBuffer(bytes: bytes))

        #expect(peer.connection.isEnded)
    }

    @Test(arguments: [true, false])
    func whoDoesNotLogInInTimeIsClosed(sendsHalf: Bool) throws {
        let server = MQTTServer()
        let peer = try server.open()
        if sendsHalf { try peer.connection.receive(ByteBuffer(bytes: [0x10, 100])) }
        server.test.pass(9_000_000_000)
        #expect(!peer.connection.isEnded)
        server.test.pass(2_000_000_000)
        #expect(peer.connection.isEnded)
        server.test.pass(2_000_000_000)
        #expect(peer.connection.isGone && server.component.connectionCount == 0)
    }

    // MARK: Take-over

    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func theSameThingWithTheSameClientIdTakesOver(version: MQTTVersion) throws {
        let server = MQTTServer()
        let older = try server.client(version, id: "c")
        #expect(try older.subscribe((server.base, .atMostOnce)) == [.success])
        let newer = try server.client(version, id: "c")
        server.test.run()

        #expect(older.connection.isEnded && !newer.connection.isEnded)
        #expect(try older.disconnectReason() == (version == .v5 ? .sessionTakenOver : nil))
        try server.test.publish("x", to: server.topic())
        #expect(try older.packets().isEmpty)
        older.connection.lose()
        let newest = try server.client(version, id: "c")
        server.test.run()
        #expect(newer.connection.isEnded && !newest.connection.isEnded)
    }

    @Test func anotherThingWithTheSameClientIdIsAnotherClient() throws {
        let server = MQTTServer()
        let (_, otherKey) = server.test.rights.addThing()
        let one = try server.client(id: "c")
        let other = try server.client(id: "c", key: otherKey)
        server.test.run()

        #expect(!one.connection.isEnded && !other.connection.isEnded)
    }

    @Test func clientIdsThatOnlyLookAlikeAreDifferent() throws {
        let server = MQTTServer()
        let one = try server.client(id: "\u{E9}")
        let other = try server.client(id: "e\u{301}")
        server.test.run()

        #expect(!one.connection.isEnded && !other.connection.isEnded)
    }

    @Test func clientsWithoutIdAreDifferent() throws {
        let server = MQTTServer()
        let clients = try (0..<3).map { _ in try server.client() }
        server.test.run()

        #expect(!clients.contains { $0.connection.isEnded })
    }

    @Test func aTakeOverReachesAnotherLoop() throws {
        let registry = ClientRegistry()
        let here = MQTTServer(registry: registry)
        let there = MQTTServer(registry: registry)
        there.test.rights = here.test.rights
        let older = try here.client(.v5, id: "c")
        let newer = try there.client(.v5, id: "c", key: here.key)
        here.test.run()

        #expect(try older.disconnectReason() == .sessionTakenOver)
        #expect(!newer.connection.isEnded)
    }
}
