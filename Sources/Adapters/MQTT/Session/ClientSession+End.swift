package import MQTTCodec

// The ways to `closed`.
extension ClientSession {
    mutating func receivedDisconnect(_ disconnect: Disconnect, into actions: inout [SessionAction]) {
        // A session that was to end with its connection can't be given a longer life now (MQTT 5, section 3.14.2.2.2).
        if let wanted = disconnect.properties.sessionExpiryInterval {
            guard wantedExpiry > 0 || wanted == 0 else { return violate(.protocolError, into: &actions) }
            expiry = min(wanted, settings.maximumExpiry)
        }
        end(.disconnected(disconnect.reasonCode), into: &actions)
    }

    /// Takes an error of the decoder, or one of topic validation. `version` is the decoder's.
    ///
    /// The client is told in the terms of its version where there are any: CONNACK before login, DISCONNECT after it.
    package mutating func failed(
        _ error: MQTTCodecError,
        version: MQTTVersion?,
        into actions: inout [SessionAction]
    ) {
        switch phase {
        case .awaitingConnect: failedBeforeConnect(error, version: version, into: &actions)
        case .authenticating:
            guard self.version == .v5 else { return end(.malformed(error), into: &actions) }
            refuse(error.reasonCode, as: .malformed(error), into: &actions)
        case .connected: disconnect(error.reasonCode, as: .malformed(error), into: &actions)
        case .closed: break
        }
    }

    private mutating func failedBeforeConnect(
        _ error: MQTTCodecError,
        version agreed: MQTTVersion?,
        into actions: inout [SessionAction]
    ) {
        if case .unsupportedProtocolLevel(let level) = error {
            // Old clients read return code 1 [MQTT-3.1.2-2 of 3.1.1], those of the future reason code 0x84.
            version = level > MQTTVersion.v5.rawValue ? .v5 : .v3_1_1
            refuse(.unsupportedProtocolVersion, as: .malformed(error), into: &actions)
        } else if agreed == .v5 {
            version = .v5
            refuse(error.reasonCode, as: .malformed(error), into: &actions)
        } else {
            end(.malformed(error), into: &actions)
        }
    }

    /// Ends the session from the server's side: taken over, shutting down, no longer authorised …
    package mutating func close(_ code: MQTTReasonCode, into actions: inout [SessionAction]) {
        switch phase {
        case .awaitingConnect: end(.byServer(code), into: &actions)
        case .authenticating: refuse(code, as: .byServer(code), into: &actions)
        case .connected: disconnect(code, as: .byServer(code), into: &actions)
        case .closed: break
        }
    }

    /// The connection is gone.
    package mutating func connectionClosed(into actions: inout [SessionAction]) {
        end(.connectionLost, into: &actions)
    }

    /// The client broke a rule that needs the state to see.
    mutating func violate(_ code: MQTTReasonCode, into actions: inout [SessionAction]) {
        disconnect(code, as: .violation(code), into: &actions)
    }

    /// Says why, where the version can [MQTT-4.13.1-1], and ends.
    mutating func disconnect(_ code: MQTTReasonCode, as reason: SessionEnd, into actions: inout [SessionAction]) {
        if version == .v5 {
            let told = code.isFailure && code.isValid(in: .disconnect) ? code : .unspecifiedError
            send(.disconnect(Disconnect(reasonCode: told)), into: &actions)
        }
        end(reason, into: &actions)
    }

    /// Goes to `closed` and lets go of everything. The will is published if CONNACK has gone out and the client did not
    /// take it back [MQTT-3.1.2-8], [MQTT-3.1.2-10].
    mutating func end(_ reason: SessionEnd, into actions: inout [SessionAction]) {
        guard phase != .closed else { return }
        if phase == .connected, !reason.discardsWill, let will { actions.append(.publishWill(will)) }
        let log = outbound.log
        log?.left = kept
        phase = .closed
        will = nil
        inbound = InboundMessages()
        outbound = OutboundMessages()
        outbound.log = log
        outboundAliases = OutboundAliases()
        actions.append(.close(reason))
    }
}
