import MQTTCodec
import MQTTSession
import NIOCore
import Testing

@Suite struct EndTests {
    /// [MQTT-3.14.4-3], [MQTT-3.1.2-10]
    @Test(arguments: MQTTVersion.allCases)
    func aCleanDisconnectTakesTheWillBack(_ version: MQTTVersion) {
        let client = Client.connected(version, will: .sample)

        #expect(client.receive(.disconnect(Disconnect())) == [.close(.disconnected(.success))])
        #expect(client.loseConnection().isEmpty)
    }

    @Test(arguments: [MQTTReasonCode.disconnectWithWill, .unspecifiedError])
    func anyOtherDisconnectPublishesTheWill(_ code: MQTTReasonCode) {
        let client = Client.connected(will: .sample)

        #expect(
            client.receive(.disconnect(Disconnect(reasonCode: code)))
                == [.publishWill(.sample), .close(.disconnected(code))]
        )
    }

    /// [MQTT-3.1.2-8]
    @Test func aLostConnectionPublishesTheWillOnce() {
        let client = Client.connected(will: .sample)

        #expect(client.loseConnection() == [.publishWill(.sample), .close(.connectionLost)])
        #expect(client.loseConnection().isEmpty)
        #expect(client.receive(.pingreq).isEmpty)
    }

    @Test func aClientThatWasNeverLetInHasNoWill() {
        let client = Client()
        _ = client.connect(Connect(version: .v5, clientID: "c", will: .sample))

        #expect(client.loseConnection() == [.close(.connectionLost)])
    }

    @Test(arguments: [
        MQTTReasonCode.sessionTakenOver, .serverShuttingDown, .notAuthorized, .administrativeAction, .topicNameInvalid,
    ])
    func theServerSaysWhyItClosesInMQTT5(_ code: MQTTReasonCode) {
        let client = Client.connected(.v5, will: .sample)
        let older = Client.connected(.v3_1_1, will: .sample)
        let end: [SessionAction] = [.publishWill(.sample), .close(.byServer(code))]

        #expect(client.close(code) == [.send(.disconnect(Disconnect(reasonCode: code)))] + end)
        #expect(older.close(code) == end)
        #expect(client.close(code).isEmpty)
    }

    @Test func aShutdownDuringLoginIsARefusal() {
        let client = Client()
        _ = client.connect(Connect(version: .v3_1_1, clientID: "c"))

        #expect(
            client.close(.serverShuttingDown)
                == [.send(.connack(Connack(reasonCode: .serverUnavailable))), .close(.byServer(.serverShuttingDown))]
        )
        #expect(Client().close(.serverShuttingDown) == [.close(.byServer(.serverShuttingDown))])
    }

    /// [MQTT-3.14.2-2] and section 3.14.2.2.2
    @Test func disconnectCannotProlongASessionThatEndsWithItsConnection() {
        let disconnect = MQTTPacket.disconnect(Disconnect(properties: [.sessionExpiryInterval(1)]))
        let expiring = Client.connected(properties: [.sessionExpiryInterval(9)])

        #expect(Client.connected(will: .sample).receive(disconnect).end == .violation(.protocolError))
        #expect(expiring.receive(disconnect).end == .disconnected(.success))
    }

    /// [MQTT-3.1.2-2] of 3.1.1
    @Test(arguments: [(UInt8(2), MQTTVersion.v3_1_1), (6, .v5), (255, .v5)])
    func anUnsupportedLevelIsAnsweredSoThatTheClientUnderstands(_ level: UInt8, _ version: MQTTVersion) {
        let client = Client()
        let error = MQTTCodecError.unsupportedProtocolLevel(level)

        #expect(
            client.fail(error)
                == [.send(.connack(Connack(reasonCode: .unsupportedProtocolVersion))), .close(.malformed(error))]
        )
        #expect(client.version == version)
    }

    @Test func bytesThatAreNoMQTTAreClosedWithoutAWord() {
        for error in [MQTTCodecError.unsupportedProtocolName, .connectExpected, .remainingLengthTooLong] {
            #expect(Client().fail(error) == [.close(.malformed(error))])
        }
    }

    @Test func aMalformedConnectIsRefusedInMQTT5Only() {
        let client = Client()

        #expect(
            client.fail(.trailingBytes, version: .v5)
                == [.send(.connack(Connack(reasonCode: .malformedPacket))), .close(.malformed(.trailingBytes))]
        )
        #expect(client.version == .v5)
        #expect(Client().fail(.trailingBytes, version: .v3_1_1) == [.close(.malformed(.trailingBytes))])
    }

    @Test func malformedBytesDuringLoginAreARefusalInMQTT5Only() {
        for version in [MQTTVersion.v3_1_1, .v5] {
            let client = Client()
            _ = client.connect(Connect(version: version, clientID: "c"))
            let refusal: [SessionAction] = [.send(.connack(Connack(reasonCode: .protocolError)))]

            let actions = client.fail(.zeroPacketID, version: version)

            #expect(actions == (version == .v5 ? refusal : []) + [.close(.malformed(.zeroPacketID))])
        }
    }

    @Test(arguments: [
        (MQTTCodecError.trailingBytes, MQTTReasonCode.malformedPacket), (.zeroPacketID, .protocolError),
        (.packetTooLarge(size: 9, limit: 1), .packetTooLarge), (.wildcardInTopicName, .topicNameInvalid),
        (.emptyTopicFilter, .topicFilterInvalid), (.invalidPropertyValue(.topicAlias), .topicAliasInvalid),
        (.secondConnect, .protocolError),
    ])
    func malformedBytesAfterLoginAreADisconnectInMQTT5(_ error: MQTTCodecError, _ code: MQTTReasonCode) {
        let end: [SessionAction] = [.publishWill(.sample), .close(.malformed(error))]

        #expect(
            Client.connected(.v5, will: .sample).fail(error, version: .v5)
                == [.send(.disconnect(Disconnect(reasonCode: code)))] + end
        )
        #expect(Client.connected(.v3_1_1, will: .sample).fail(error, version: .v3_1_1) == end)
    }

    /// What a server alone sends must not come from a client.
    @Test(
        arguments: [
            .connack(Connack(reasonCode: .success)), .suback(Suback(packetID: 1, reasonCodes: [.success])),
            .unsuback(Unsuback(packetID: 1, reasonCodes: [])), .pingresp,
        ] as [MQTTPacket]
    )
    func aPacketOfTheServerIsAnError(_ packet: MQTTPacket) {
        #expect(Client.connected().receive(packet).end == .violation(.protocolError))
    }

    @Test func aSessionIsSmall() {
        #expect(MemoryLayout<ClientSession>.size <= 256)
        #expect(MemoryLayout<SessionAction>.size <= 80)
    }
}
