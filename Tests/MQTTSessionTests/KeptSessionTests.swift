import MQTTCodec
import MQTTSession
import TestSupport
import Testing

/// Sessions that outlive their connection.
@Suite struct KeptSessionTests {
    private let settings = SessionSettings(maximumInFlight: 2, maximumExpiry: 3_600)

    private func connected(
        _ session: KeptSession,
        _ version: MQTTVersion = .v5,
        isPresent: Bool = true,
        expiry: UInt32 = 60,
        wants: UInt32 = 60
    ) -> (client: Client, actions: [SessionAction]) {
        let client = Client(settings)
        let properties: MQTTProperties = version == .v5 ? [.sessionExpiryInterval(wants)] : []
        _ = client.connect(Connect(version: version, clientID: "c", cleanStart: false, properties: properties))
        let terms = SessionTerms(session, isPresent: isPresent, expiry: expiry)
        return (client, client.authenticated(.accepted(clientID: "c", terms)))
    }

    private func sent(_ actions: [SessionAction]) -> [Publish] {
        actions.compactMap { if case .send(.publish(let publish)) = $0 { publish } else { nil } }
    }

    private func connack(_ actions: [SessionAction]) throws -> Connack {
        guard case .send(.connack(let connack)) = actions.first else { throw Missing() }
        return connack
    }

    private struct Missing: Error {}

    /// [MQTT-3.2.2-2], [MQTT-3.2.2-3]
    @Test(arguments: MQTTVersion.allCases) func connackSaysWhetherThereIsASession(version: MQTTVersion) throws {
        for isPresent in [true, false] {
            let told = try connack(connected(KeptSession(from: 0), version, isPresent: isPresent).actions)
            #expect(told.sessionPresent == isPresent)
        }
    }

    /// MQTT 5, section 3.2.2.3.2.
    @Test func aShorterExpiryThanWantedIsTold() throws {
        #expect(try connack(connected(KeptSession(from: 0)).actions).properties.sessionExpiryInterval == nil)
        let shorter = connected(KeptSession(from: 0), expiry: 10)
        #expect(try connack(shorter.actions).properties.sessionExpiryInterval == 10)
    }

    /// MQTT 5, section 3.14.2.2.2.
    @Test func disconnectChangesTheExpiry() {
        let (client, _) = connected(KeptSession(from: 0))
        _ = client.receive(.disconnect(Disconnect(properties: [.sessionExpiryInterval(0)])))
        #expect(client.session.expiry == 0 && client.left != nil)
        let (other, _) = connected(KeptSession(from: 0))
        _ = other.receive(.disconnect(Disconnect(properties: [.sessionExpiryInterval(.max)])))
        #expect(other.session.expiry == 3_600)
    }

    /// [MQTT-4.4.0-1]
    @Test func whatIsInFlightIsSentAgainUnderItsIdentifier() throws {
        let (client, _) = connected(KeptSession(from: 4))
        #expect(client.deliver(.sample(.atLeastOnce), at: 5).result == .sent)
        #expect(client.deliver(.sample(.exactlyOnce), at: 7).result == .sent)
        #expect(client.deliver(.sample(.atLeastOnce), at: 9).result == .noRoom)
        _ = client.receive(.puback(PublishAck(packetID: 1)))
        #expect(client.deliver(.sample(.exactlyOnce), at: 9).result == .sent)
        #expect(client.receive(.pubrec(PublishAck(packetID: 3))) == [.send(.pubrel(PublishAck(packetID: 3)))])
        _ = client.loseConnection()

        let left = try #require(client.left)
        let (again, actions) = connected(left)
        #expect(actions.dropFirst() == [.send(.pubrel(PublishAck(packetID: 3)))])
        #expect(again.unsent == [7] && again.position == 9)
        #expect(again.deliver(.sample(.exactlyOnce), at: 11).result == .noRoom, "that is the first")
        let second = sent(again.resume(.sample(.exactlyOnce), at: 7).actions)
        #expect(again.unsent.isEmpty)
        #expect(second.map(\.packetID) == [2] && second.map(\.dup) == [true])
        // This one has been acknowledged as far as PUBREC.
        #expect(again.deliver(.sample(.exactlyOnce), at: 9).result == .passed)
        #expect(again.deliver(.sample(.atLeastOnce), at: 11).result == .noRoom)
        _ = again.receive(.pubcomp(PublishAck(packetID: 3)))
        let new = sent(again.deliver(.sample(.atLeastOnce), at: 11).actions)
        #expect(new.map(\.packetID) == [4] && new.map(\.dup) == [false])
    }

    /// [MQTT-4.4.0-1]
    @Test func whatWasRetainedIsSentAgainInItsTurn() throws {
        let place = KeptSession.firstRetained | 2
        let (client, _) = connected(KeptSession(from: 4))
        #expect(client.deliver(.sample(.atLeastOnce), retainedAt: place).result == .sent)
        #expect(client.deliver(.sample(.exactlyOnce), at: 7).result == .sent)
        #expect(client.deliver(.sample(.atLeastOnce), retainedAt: place + 2).result == .noRoom)
        #expect(client.position == 7)
        _ = client.loseConnection()

        let (again, _) = connected(try #require(client.left))
        #expect(again.unsent == [place, 7] && again.position == 7)
        let first = sent(again.resume(.sample(.atLeastOnce), at: place).actions)
        #expect(first.map(\.packetID) == [1] && first.map(\.dup) == [true])
        #expect(sent(again.resume(.sample(.exactlyOnce), at: 7).actions).map(\.packetID) == [2])
        #expect(again.position == 7)
    }

    @Test func identifiersOfWhatIsStillToBeSentAgainAreTaken() {
        var session = KeptSession(from: 9)
        session.inFlight = [.init(place: 3, packetID: 1, stage: .puback), .init(place: 9, packetID: 2, stage: .pubrec)]
        let (client, _) = connected(session)
        // The message at 3 is gone from the log.
        #expect(client.resume(nil, at: 3).result == .passed)
        #expect(sent(client.resume(.sample(.exactlyOnce), at: 9).actions).map(\.packetID) == [2])
        #expect(sent(client.deliver(.sample(.atLeastOnce), at: 12).actions).map(\.packetID) == [1])
        #expect(client.kept?.inFlight.map(\.place) == [9, 12])
    }

    @Test func whatIsLeftUnsentStaysInFlight() {
        var session = KeptSession(from: 9)
        session.inFlight = [
            .init(place: 3, packetID: 7, stage: .puback), .init(place: 9, packetID: 8, stage: .pubcomp),
        ]
        session.lastPacketID = 8
        let (client, _) = connected(session)
        #expect(client.kept?.inFlight.map(\.packetID) == [8, 7])
        _ = client.loseConnection()
        #expect(client.left?.inFlight.map(\.place) == [9, 3])
        client.passed(20)
        #expect(client.left?.sent == 9)
    }

    /// [MQTT-4.3.3-10], [MQTT-4.3.3-11], [MQTT-4.3.3-12]
    @Test func aMessageOfTheClientThatWasReceivedIsntRoutedAgain() throws {
        let (client, _) = connected(KeptSession(from: 0))
        _ = client.receive(.publish(.sample(.exactlyOnce, id: 5)))
        _ = client.publishCompleted(.accepted, qos: .exactlyOnce, id: 5)
        #expect(client.mustBeKept() && client.kept?.unreleased == [5])
        _ = client.loseConnection()
        let (again, _) = connected(try #require(client.left))
        let pubrec = MQTTPacket.pubrec(PublishAck(packetID: 5))
        #expect(again.receive(.publish(.sample(.exactlyOnce, id: 5))) == [.send(pubrec)])
        _ = again.receive(.pubrel(PublishAck(packetID: 5)))
        #expect(again.mustBeKept() && again.kept?.unreleased == [])
    }

    /// The client may hold the identifier of such a message, and would take the next one under it for the same.
    @Test func anExchangeWhoseMessageIsGoneIsEnded() {
        var session = KeptSession(from: 9)
        session.inFlight = [
            .init(place: 3, packetID: 1, stage: .pubrec), .init(place: 5, packetID: 2, stage: .puback),
            .init(place: 9, packetID: 3, stage: .pubrec),
        ]
        let (client, _) = connected(session)
        #expect(client.resume(nil, at: 3).actions == [.send(.pubrel(PublishAck(packetID: 1)))])
        #expect(client.resume(nil, at: 5).actions.isEmpty)
        #expect(client.mustBeKept() && client.kept?.inFlight.map(\.packetID) == [1, 3])
        #expect(client.resume(.sample(.exactlyOnce), at: 9).result == .sent)
        _ = client.receive(.pubcomp(PublishAck(packetID: 1)))
        #expect(client.kept?.inFlight.map(\.packetID) == [3])
    }

    @Test func exchangesAreCountedAndRemembered() throws {
        let (client, _) = connected(KeptSession(from: 0))
        _ = client.receive(.publish(.sample(.exactlyOnce, id: 5)))
        _ = client.receive(.publish(.sample(.exactlyOnce, id: 9)))
        #expect(client.exchange(of: 5)?.number == 1 && client.exchange(of: 9)?.number == 2)
        #expect(client.kept?.begunExchanges == 2 && client.kept?.routing.count == 2)
        _ = client.publishCompleted(.accepted, qos: .exactlyOnce, id: 5)
        #expect(client.exchange(of: 5) == nil && client.kept?.routing == [.init(number: 2, packetID: 9)])
    }

    /// [MQTT-3.3.4-7]: what an earlier connection began doesn't count.
    @Test func receiveMaximumIsOfTheConnection() {
        var session = KeptSession(from: 0)
        session.unreleased = Array(1...1_024)
        let (client, _) = connected(session)
        for id in 2_000..<3_024 as Range<UInt16> {
            #expect(client.receive(.publish(.sample(.exactlyOnce, id: id))).count == 1)
        }
        _ = client.receive(.pubrel(PublishAck(packetID: 1)))
        #expect(
            client.receive(.publish(.sample(.exactlyOnce, id: 4_000))).contains(
                .close(.violation(.receiveMaximumExceeded))
            )
        )
    }

    @Test func whatIsTooOldIsPassedUnlessItHasGoneOut() throws {
        let (client, _) = connected(KeptSession(from: 0))
        #expect(client.deliver(.sample(.atLeastOnce), at: 1, isExpired: true).result == .passed)
        #expect(client.takeExpiredMessages() == 1)
        #expect(client.deliver(.sample(.atLeastOnce), at: 2).result == .sent)
        _ = client.loseConnection()
        let (again, _) = connected(try #require(client.left))
        // One that has gone out goes on, however old it is.
        #expect(again.resume(.sample(.atLeastOnce), at: 2).result == .sent)
    }

    /// Against clients that go at any time, and servers that die and know only what they had to keep: nothing is lost, nothing
    /// of QoS 2 comes twice, nothing overtakes.
    @Test(arguments: 0..<40 as Range<UInt64>) func nothingIsLostOrTwice(seed: UInt64) {
        var world = KeptWorld(seed: seed)
        for _ in 0..<400 { world.step() }
        world.drain()
        #expect(world.faults.isEmpty, "seed \(seed): \(world.faults.prefix(3))")
        #expect(world.told.count > 50)
    }
}
