package import MQTTCodec

// Messages from the client.
extension ClientSession {
    mutating func receivedPublish(_ publish: consuming Publish, into actions: inout [SessionAction]) {
        var publish = publish
        do throws(MQTTReasonCode) {
            try inbound.aliases.resolve(&publish, maximum: version == .v5 ? settings.topicAliasMaximum : 0)
        } catch {
            return violate(error, into: &actions)
        }
        // Its CONNACK said so; earlier versions have no way to learn it.
        guard settings.retainsMessages || version < .v5 || !publish.retain else {
            return violate(.retainNotSupported, into: &actions)
        }
        switch publish.qos {
        case .atMostOnce: break
        case .atLeastOnce:
            guard hasInboundRoom else { return violate(.receiveMaximumExceeded, into: &actions) }
            inbound.beginAtLeastOnce()
        case .exactlyOnce:
            switch inbound.exactlyOnce[publish.packetID] {
            // A duplicate: acknowledged again, not routed again [MQTT-4.3.3-10]. While routing, PUBREC is still to come.
            case .received: return send(.pubrec(PublishAck(packetID: publish.packetID)), into: &actions)
            case .routing: return
            case nil: break
            }
            guard hasInboundRoom else { return violate(.receiveMaximumExceeded, into: &actions) }
            inbound.exactlyOnce[publish.packetID] = .routing
            if !publish.dup { outbound.log?.unknown = nil }
            outbound.log?.beganRouting(publish.packetID)
        }
        actions.append(.publish(publish))
    }

    /// Receive maximum [MQTT-3.3.4-7]; earlier versions have none, and only what is remembered is bounded.
    private var hasInboundRoom: Bool {
        version == .v5
            ? inbound.count - (outbound.log?.inherited.count ?? 0) < Int(settings.receiveMaximum)
            : inbound.exactlyOnce.count < settings.maximumUnreleased
    }

    /// Answers `publish`.
    ///
    /// A refusal is a reason code in MQTT 5 (nothing for QoS 0, which the caller counts) and the end of the connection
    /// before. A message over the size limit ends the connection in every version.
    package mutating func publishCompleted(
        _ outcome: PublishOutcome,
        qos: MQTTQoS,
        packetID: UInt16,
        into actions: inout [SessionAction]
    ) {
        guard phase == .connected else { return }
        guard outcome != .tooLarge else { return violate(.packetTooLarge, into: &actions) }
        guard outcome == .accepted || version == .v5 else {
            return end(.publishRefused(outcome.reasonCode), into: &actions)
        }
        let ack = PublishAck(packetID: packetID, reasonCode: outcome.reasonCode)
        switch qos {
        case .atMostOnce: break
        case .atLeastOnce:
            guard inbound.endAtLeastOnce() else { return }
            send(.puback(ack), into: &actions)
        case .exactlyOnce:
            guard inbound.exactlyOnce[packetID] == .routing else { return }
            // A refused message is over with its PUBREC [MQTT-4.3.3-9].
            inbound.exactlyOnce[packetID] = outcome == .accepted ? .received : nil
            outbound.log?.endedRouting(packetID)
            if outcome == .accepted { keepThis() }
            send(.pubrec(ack), into: &actions)
        }
    }

    mutating func receivedPubrel(_ ack: PublishAck, into actions: inout [SessionAction]) {
        switch inbound.exactlyOnce[ack.packetID] {
        case .received:
            inbound.exactlyOnce[ack.packetID] = nil
            outbound.log?.released(ack.packetID)
            keepThis()
            send(.pubcomp(PublishAck(packetID: ack.packetID)), into: &actions)
        // PUBREL answers a PUBREC, and there was none.
        case .routing: violate(.protocolError, into: &actions)
        case nil: send(.pubcomp(unknown(ack)), into: &actions)
        }
    }

    /// The answer to an acknowledgement of something that this session doesn't know (MQTT 5, section 4.3.3).
    func unknown(_ ack: PublishAck) -> PublishAck {
        PublishAck(packetID: ack.packetID, reasonCode: version == .v5 ? .packetIdentifierNotFound : .success)
    }
}

// Subscriptions.
extension ClientSession {
    /// Answers `subscribe`: a granted QoS or a failure for each filter in order [MQTT-3.8.4-6].
    package mutating func subscribeCompleted(
        packetID: UInt16,
        codes: [MQTTReasonCode],
        into actions: inout [SessionAction]
    ) {
        guard phase == .connected else { return }
        send(.suback(Suback(packetID: packetID, reasonCodes: codes)), into: &actions)
    }

    /// Answers `unsubscribe`: a code for each filter in order [MQTT-3.11.3-1].
    package mutating func unsubscribeCompleted(
        packetID: UInt16,
        codes: [MQTTReasonCode],
        into actions: inout [SessionAction]
    ) {
        guard phase == .connected else { return }
        send(.unsuback(Unsuback(packetID: packetID, reasonCodes: codes)), into: &actions)
    }
}
