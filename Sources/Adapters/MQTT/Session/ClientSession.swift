package import MQTTCodec
package import NIOCore

/// The protocol of one connection, without its socket: packets and events in, actions out.
///
/// States: `awaitingConnect` → `authenticating` → `connected` → `closed`. Any state may go to `closed`; nothing leaves
/// it, and every later event is ignored.
///
/// Each event appends to a list that the caller owns and uses again, so that an event allocates nothing. The caller
/// performs the actions in order; while it does, it may call the session again and have actions appended to the list it
/// is walking through.
package struct ClientSession: ~Copyable {
    package enum Phase: Sendable {
        /// The connection is open, CONNECT has not come.
        case awaitingConnect
        /// CONNECT is with the caller. What the client sends meanwhile stays with the caller, too.
        case authenticating
        /// CONNACK has gone out.
        case connected
        case closed
    }

    package internal(set) var phase = Phase.awaitingConnect
    /// How to encode what is sent. MQTT 3.1.1 until CONNECT tells.
    package internal(set) var version = MQTTVersion.v3_1_1
    /// The longest packet that the client takes [MQTT-3.1.2-24]; the caller checks it for what it encodes itself.
    package internal(set) var clientMaximumPacketSize = Int.max

    let settings: SessionSettings
    /// Seconds, 0 for none.
    var keepAlive: UInt16 = 0
    var keepAliveIsSuspended = false
    var clientIDIsEmpty = false
    /// Whether the client wants to be told in words why something fails.
    var wantsReasons = true
    /// Seconds that the client wants the session to outlive the connection; earlier versions know 0 and for ever.
    package internal(set) var wantedExpiry: UInt32 = 0
    /// Seconds that it does.
    package internal(set) var expiry: UInt32 = 0
    /// Whether something has changed that must be kept before the client hears of it: an exchange of QoS 2 goes on where it stands.
    package var mustBeKept = false
    /// The beginning of the wait that `deadline` ends.
    var lastHeard: NIODeadline
    var will: Will?
    var inbound = InboundMessages()
    var outbound = OutboundMessages()
    var outboundAliases = OutboundAliases()

    /// Begins with an open connection.
    package init(settings: SessionSettings, at now: NIODeadline) {
        self.settings = settings
        lastHeard = now
    }

    /// Takes a packet of the client.
    package mutating func received(
        _ packet: consuming MQTTPacket,
        at now: NIODeadline,
        into actions: inout [SessionAction]
    ) {
        switch phase {
        case .connected:
            lastHeard = now
            receivedConnected(packet, into: &actions)
        case .awaitingConnect:
            // [MQTT-3.1.0-1]
            guard case .connect(let connect) = packet else { return end(.violation(.protocolError), into: &actions) }
            lastHeard = now
            receivedConnect(connect, into: &actions)
        case .authenticating:
            // The caller holds packets back, so this one is out of turn.
            end(.violation(.protocolError), into: &actions)
        case .closed: break
        }
    }

    private mutating func receivedConnected(_ packet: consuming MQTTPacket, into actions: inout [SessionAction]) {
        switch consume packet {
        case .publish(let publish): receivedPublish(publish, into: &actions)
        case .puback(let ack): receivedPuback(ack, into: &actions)
        case .pubrec(let ack): receivedPubrec(ack, into: &actions)
        case .pubrel(let ack): receivedPubrel(ack, into: &actions)
        case .pubcomp(let ack): receivedPubcomp(ack, into: &actions)
        case .subscribe(let subscribe): actions.append(.subscribe(subscribe))
        case .unsubscribe(let unsubscribe): actions.append(.unsubscribe(unsubscribe))
        case .pingreq: send(.pingresp, into: &actions)  // [MQTT-3.12.4-1]
        case .disconnect(let disconnect): receivedDisconnect(disconnect, into: &actions)
        // A second CONNECT [MQTT-3.1.0-2], AUTH without a method agreed in CONNECT [MQTT-4.12.0-6], and what only a
        // server sends.
        case .connect, .auth, .connack, .suback, .unsuback, .pingresp: violate(.protocolError, into: &actions)
        }
    }

    /// Appends a packet, unless it is longer than the client takes: then it is as good as sent [MQTT-3.1.2-25].
    func send(_ packet: MQTTPacket, into actions: inout [SessionAction]) {
        guard fits(packet) else { return }
        actions.append(.send(packet))
    }

    /// Whether the client takes a packet of this length.
    func fits(_ packet: MQTTPacket) -> Bool {
        clientMaximumPacketSize == .max || packet.encodedLength(version: version) <= clientMaximumPacketSize
    }
}
