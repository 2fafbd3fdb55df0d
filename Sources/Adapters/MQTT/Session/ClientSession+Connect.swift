import MQTTCodec
package import NIOCore

extension ClientSession {
    /// The longest client identifier of MQTT 3.1, in characters.
    private static let maximumCharactersBefore3_1_1 = 23

    mutating func receivedConnect(_ connect: Connect, into actions: inout [SessionAction]) {
        phase = .authenticating
        version = connect.version
        keepAlive = connect.keepAlive
        clientIDIsEmpty = connect.clientID.isEmpty
        will = connect.will
        outbound.window = settings.maximumInFlight
        if version == .v5 {
            take(connect.properties)
        } else if !connect.cleanStart {
            wantedExpiry = .max
        }
        guard accepts(clientIDOf: connect) else { return refuse(.clientIdentifierNotValid, into: &actions) }
        // No method of enhanced authentication is offered [MQTT-4.12.0-1].
        guard connect.properties.authenticationMethod == nil else {
            return refuse(.badAuthenticationMethod, into: &actions)
        }
        guard settings.retainsMessages || version < .v5 || will?.retain != true else {
            return refuse(.retainNotSupported, into: &actions)
        }
        actions.append(.authenticate(connect))
    }

    private mutating func take(_ properties: MQTTProperties) {
        outbound.window = min(settings.maximumInFlight, properties.receiveMaximum ?? .max)
        if let size = properties.maximumPacketSize { clientMaximumPacketSize = Int(size) }
        outboundAliases.maximum = min(settings.maximumOutboundAliases, properties.topicAliasMaximum ?? 0)
        wantedExpiry = properties.sessionExpiryInterval ?? 0
        wantsReasons = properties.requestProblemInformation ?? true
        // Earlier versions have no way to learn of another keep-alive than theirs.
        let longest = settings.maximumKeepAlive
        if longest > 0 && (keepAlive == 0 || keepAlive > longest) { keepAlive = longest }
    }

    /// An empty identifier needs a clean session in 3.1.1 [MQTT-3.1.3-8]; 3.1 asks for 1 to 23 characters.
    private func accepts(clientIDOf connect: Connect) -> Bool {
        let id = connect.clientID
        guard id.utf8.count <= settings.maximumClientIDLength else { return false }
        return switch connect.version {
        case .v3_1: !id.isEmpty && id.unicodeScalars.count <= Self.maximumCharactersBefore3_1_1
        case .v3_1_1: !id.isEmpty || connect.cleanStart
        case .v5: true
        }
    }

    /// Answers `authenticate`.
    package mutating func authenticated(
        _ outcome: AuthenticationOutcome,
        at now: NIODeadline,
        into actions: inout [SessionAction]
    ) {
        guard phase == .authenticating else { return }
        switch outcome {
        case .refused(let code): refuse(code, into: &actions)
        case .accepted(let clientID, let terms):
            phase = .connected
            lastHeard = now
            expiry = terms?.expiry ?? 0
            if let terms { goOn(with: terms.session) }
            let properties = version == .v5 ? grants(clientID: clientID) : []
            let connack = MQTTPacket.connack(
                Connack(reasonCode: .success, sessionPresent: terms?.isPresent ?? false, properties: properties)
            )
            guard fits(connack) else { return end(.refused(.packetTooLarge), into: &actions) }
            actions.append(.send(connack))
            // Messages are sent again as they come out of the log; these have no message any more [MQTT-4.4.0-1].
            for (id, _) in outbound.inFlight.all { send(.pubrel(PublishAck(packetID: id)), into: &actions) }
        }
    }

    /// Takes over what an earlier connection has left.
    private mutating func goOn(with session: KeptSession) {
        outbound.log = LogDeliveries(session)
        outbound.lastID = session.lastPacketID
        for message in session.inFlight where message.stage == .pubcomp {
            outbound.inFlight[message.packetID] = .pubcomp
        }
        for id in session.unreleased { inbound.exactlyOnce[id] = .received }
    }

    /// What an MQTT 5 client is told of the server; what is left out has the standard's default.
    private func grants(clientID: String) -> MQTTProperties {
        var properties: MQTTProperties = [.receiveMaximum(settings.receiveMaximum)]
        if !settings.sharesMessages { properties.append(.sharedSubscriptionAvailable(false)) }
        if !settings.retainsMessages { properties.append(.retainAvailable(false)) }
        if settings.maximumPacketSize < SessionSettings.largestPacket {
            properties.append(.maximumPacketSize(UInt32(clamping: max(1, settings.maximumPacketSize))))
        }
        if settings.topicAliasMaximum > 0 { properties.append(.topicAliasMaximum(settings.topicAliasMaximum)) }
        // Without the property the client's own value would hold.
        if expiry != wantedExpiry { properties.append(.sessionExpiryInterval(expiry)) }
        if clientIDIsEmpty { properties.append(.assignedClientIdentifier(clientID)) }
        if settings.maximumKeepAlive > 0 { properties.append(.serverKeepAlive(keepAlive)) }
        return properties
    }

    /// Answers CONNECT by a refusal and ends.
    mutating func refuse(_ code: MQTTReasonCode, as reason: SessionEnd? = nil, into actions: inout [SessionAction]) {
        let told = code.isFailure && code.isValid(in: .connack) ? code : .serverUnavailable
        send(.connack(Connack(reasonCode: told)), into: &actions)
        end(reason ?? .refused(told), into: &actions)
    }
}
