import MQTTCodec
import MQTTSession
import NIOCore
import Testing

@Suite struct ConnectTests {
    private func connack(_ actions: [SessionAction]) throws -> Connack {
        guard case .connack(let connack) = try #require(actions.sent.first) else {
            throw MQTTReasonCode.protocolError
        }
        return connack
    }

    @Test(arguments: MQTTVersion.allCases)
    func connectIsAuthenticatedAndThenAnswered(_ version: MQTTVersion) throws {
        let client = Client()
        let connect = Connect(version: version, clientID: "c", userName: "u", password: ByteBuffer(string: "p"))

        #expect(client.connect(connect) == [.authenticate(connect)])
        #expect(client.phase == .authenticating)
        #expect(client.version == version)

        let actions = client.authenticated(.accepted(clientID: "c"))
        #expect(try connack(actions).reasonCode == .success)
        #expect(try connack(actions).sessionPresent == false)
        #expect(actions.count == 1)
        #expect(client.phase == .connected)
    }

    /// [MQTT-3.1.0-1]
    @Test(arguments: [.pingreq, .publish(.sample(.atMostOnce)), .disconnect(Disconnect())] as [MQTTPacket])
    func anotherPacketBeforeConnectClosesWithoutAWord(_ packet: MQTTPacket) {
        let client = Client()

        #expect(client.receive(packet) == [.close(.violation(.protocolError))])
        #expect(client.phase == .closed)
    }

    /// [MQTT-3.1.0-2]
    @Test func aSecondConnectCloses() {
        let connect = MQTTPacket.connect(Connect(version: .v5, clientID: "c"))

        #expect(
            Client.connected(.v5).receive(connect)
                == [.send(.disconnect(Disconnect(reasonCode: .protocolError))), .close(.violation(.protocolError))]
        )
        #expect(Client.connected(.v3_1_1).receive(connect) == [.close(.violation(.protocolError))])
    }

    @Test func aPacketFedWhileAuthenticatingCloses() {
        let client = Client()
        _ = client.connect(Connect(version: .v5, clientID: "c", will: .sample))

        #expect(client.receive(.pingreq) == [.close(.violation(.protocolError))])
    }

    /// [MQTT-3.1.3-8] of 3.1.1, section 3.1.3.1 of 5, and 3.1's 1 to 23 characters.
    @Test(arguments: [
        (MQTTVersion.v3_1, "", true, false), (.v3_1, "c", true, true),
        (.v3_1, String(repeating: "ä", count: 23), true, true), (.v3_1, String(repeating: "a", count: 24), true, false),
        (.v3_1_1, "", true, true), (.v3_1_1, "", false, false),
        (.v3_1_1, String(repeating: "a", count: 24), false, true),
        (.v3_1_1, String(repeating: "a", count: 256), true, true),
        (.v3_1_1, String(repeating: "a", count: 257), true, false), (.v5, "", true, true), (.v5, "", false, true),
        (.v5, String(repeating: "a", count: 257), true, false),
    ])
    func clientIdentifiersFollowTheVersion(_ version: MQTTVersion, _ id: String, _ clean: Bool, _ accepted: Bool) throws
    {
        let client = Client()
        let connect = Connect(version: version, clientID: id, cleanStart: clean)

        let actions = client.connect(connect)

        if accepted {
            #expect(actions == [.authenticate(connect)])
        } else {
            #expect(
                actions == [
                    .send(.connack(Connack(reasonCode: .clientIdentifierNotValid))),
                    .close(.refused(.clientIdentifierNotValid)),
                ]
            )
        }
    }

    @Test(arguments: [
        (MQTTReasonCode.badUserNameOrPassword, UInt8(4)), (.notAuthorized, 5), (.serverUnavailable, 3),
        (.serverBusy, 3), (.banned, 5), (.clientIdentifierNotValid, 2),
    ])
    func aRefusalIsToldInTheTermsOfTheVersion(_ code: MQTTReasonCode, _ returnCode: UInt8) throws {
        let client = Client()
        _ = client.connect(Connect(version: .v3_1_1, clientID: "c", will: .sample))

        let actions = client.authenticated(.refused(code))

        #expect(actions == [.send(.connack(Connack(reasonCode: code))), .close(.refused(code))])
        #expect(try connack(actions).returnCode == returnCode)
    }

    @Test func aRefusalThatConnackCannotCarryIsUnavailable() throws {
        let client = Client()
        _ = client.connect(Connect(version: .v5, clientID: "c"))

        #expect(try connack(client.authenticated(.refused(.success))).reasonCode == .serverUnavailable)
    }

    @Test func enhancedAuthenticationIsNotOffered() {
        let connect = Connect(version: .v5, clientID: "c", properties: [.authenticationMethod("SCRAM")])

        #expect(
            Client().connect(connect) == [
                .send(.connack(Connack(reasonCode: .badAuthenticationMethod))),
                .close(.refused(.badAuthenticationMethod)),
            ]
        )
        #expect(Client.connected().receive(.auth(Auth())).end == .violation(.protocolError))
    }

    @Test func connackTellsWhatTheServerCannotDo() throws {
        let client = Client(
            SessionSettings(maximumPacketSize: 1000, receiveMaximum: 7, topicAliasMaximum: 3, retainsMessages: false)
        )
        _ = client.connect(Connect(version: .v5, clientID: "c"))

        let properties = try connack(client.authenticated(.accepted(clientID: "c"))).properties

        #expect(properties.retainAvailable == false)
        #expect(properties.sharedSubscriptionAvailable == false)
        #expect(properties.subscriptionIdentifiersAvailable == nil)
        #expect(properties.wildcardSubscriptionAvailable == nil)
        #expect(properties.maximumQoS == nil)
        #expect(properties.receiveMaximum == 7)
        #expect(properties.maximumPacketSize == 1000)
        #expect(properties.topicAliasMaximum == 3)
        #expect(properties.sessionExpiryInterval == nil)
        #expect(properties.assignedClientIdentifier == nil)
        #expect(properties.serverKeepAlive == nil)
    }

    @Test func connackTellsTheIdentifierThatWasMadeForTheClient() throws {
        let client = Client()
        _ = client.connect(Connect(version: .v5, clientID: ""))

        let properties = try connack(client.authenticated(.accepted(clientID: "made"))).properties

        #expect(properties.assignedClientIdentifier == "made")
    }

    @Test func connackTellsThatTheSessionIsNotKept() throws {
        let client = Client()
        _ = client.connect(Connect(version: .v5, clientID: "c", properties: [.sessionExpiryInterval(60)]))

        #expect(try connack(client.authenticated(.accepted(clientID: "c"))).properties.sessionExpiryInterval == 0)
    }

    @Test(arguments: [(UInt16(0), UInt16(60)), (30, 30), (61, 60)])
    func aLongerKeepAliveIsLoweredInMQTT5(_ asked: UInt16, _ granted: UInt16) throws {
        let client = Client(SessionSettings(maximumKeepAlive: 60))
        _ = client.connect(Connect(version: .v5, clientID: "c", keepAlive: asked))

        let properties = try connack(client.authenticated(.accepted(clientID: "c"))).properties

        #expect(properties.serverKeepAlive == granted)
        #expect(client.wait == .milliseconds(Int64(granted) * 1500))
    }

    @Test func earlierVersionsKeepTheirKeepAliveAndGetNoProperties() throws {
        let client = Client(SessionSettings(maximumKeepAlive: 60))
        _ = client.connect(Connect(version: .v3_1_1, clientID: ""))

        #expect(try connack(client.authenticated(.accepted(clientID: "made"))).properties.isEmpty)
        #expect(client.wait == nil)
    }

    @Test func aClientThatTakesNoConnackIsLetGo() {
        let client = Client()
        _ = client.connect(Connect(version: .v5, clientID: "c", properties: [.maximumPacketSize(5)]))

        #expect(client.authenticated(.accepted(clientID: "c")) == [.close(.refused(.packetTooLarge))])
    }

    @Test func anAnswerThatComesTooLateIsIgnored() {
        let client = Client()
        _ = client.connect(Connect(version: .v5, clientID: "c"))
        _ = client.loseConnection()

        #expect(client.authenticated(.accepted(clientID: "c")).isEmpty)
        #expect(client.phase == .closed)
    }
}
