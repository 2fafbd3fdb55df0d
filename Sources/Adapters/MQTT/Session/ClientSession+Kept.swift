package import MQTTCodec

/// What became of a message of the log for the client of a kept session.
package enum LogDelivery: Equatable, Sendable {
    /// Among the actions.
    case sent
    /// Not for it: it has had it, the message is too old, or too long for it.
    case passed
    /// As many are in flight as may be; to be offered again when one is acknowledged.
    case noRoom
}

// A session that outlives its connection: its messages of QoS 1 and 2 come out of a log, and wait there.
extension ClientSession {
    package var isKept: Bool { outbound.log != nil }

    /// How many messages more may be in flight.
    package var room: Int { Int(outbound.window) - min(Int(outbound.window), outbound.inFlight.count) }

    /// Whether no more than half of those are in flight that may be.
    package var isHalfEmpty: Bool { outbound.inFlight.count <= Int(outbound.window) / 2 }

    /// Whether a message has gone out or was acknowledged; it isn't much harm if that is forgotten.
    package var hasProgressed: Bool {
        get { outbound.log?.hasProgressed ?? false }
        set { outbound.log?.hasProgressed = newValue }
    }

    /// Up to where this connection has been through the log; 0 if the session isn't kept.
    package var logPosition: UInt64 { outbound.log?.position ?? 0 }

    /// What is to be kept, when the session has ended.
    package var left: KeptSession? { outbound.log?.left }

    /// What is to be kept of the session as it is now.
    package var kept: KeptSession? {
        guard let log = outbound.log, phase == .connected else { return nil }
        var kept = KeptSession(from: log.sent)
        kept.inFlight = log.inFlight(outbound.inFlight.all)
        kept.lastPacketID = outbound.lastID
        kept.begunExchanges = log.begunExchanges
        kept.unknown = log.unknown
        kept.routing = log.routing.map { KeptSession.Exchange(number: $0.value, packetID: $0.key) }
        kept.unreleased = inbound.exactlyOnce.all.compactMap { $0.stage == .received ? $0.id : nil }
        return kept
    }

    /// Among these the exchange of a message of QoS 2 may be that the client has sent again; nil: they are all known.
    package var unknownExchanges: KeptSession.Unknown? { outbound.log?.unknown }

    /// What a message of QoS 2 from the client is stored with; nil if the session isn't kept.
    package func exchange(of id: UInt16) -> KeptSession.Exchange? {
        outbound.log?.routing[id].map { KeptSession.Exchange(number: $0, packetID: id) }
    }

    /// Delivers a QoS 1 or 2 message of the log. They come in the order of their places.
    ///
    /// What was in flight on an earlier connection is sent again under its identifier [MQTT-4.4.0-1].
    package mutating func deliver(
        _ publish: @autoclosure () -> Publish,
        at place: UInt64,
        isExpired: Bool,
        into actions: inout [SessionAction]
    ) -> LogDelivery {
        guard phase == .connected, outbound.log?.wants(place) == true else { return .passed }
        pass(place - min(1, place), into: &actions)
        guard outbound.hasRoom else { return .noRoom }
        let former = outbound.log?.takeUnsent(at: place)
        var publish = publish()
        // What has gone out once goes on, however old it is [MQTT-3.3.2-5].
        if isExpired, former == nil {
            outbound.expired += 1
            pass(place, into: &actions)
            return .passed
        }
        guard fits(publish) else {
            if let former { forget(former, into: &actions) }
            pass(place, into: &actions)
            return .passed
        }
        if let former {
            publish = outbound.resume(publish, former)
        } else {
            publish = outbound.begin(publish)
            if publish.qos == .exactlyOnce { keepThis() }
        }
        outbound.log?.began(publish.packetID, at: place)
        send(publish, into: &actions)
        return .sent
    }

    /// There is nothing more for the client up to this place.
    package mutating func passed(_ place: UInt64, into actions: inout [SessionAction]) {
        guard phase == .connected else { return }
        pass(place, into: &actions)
    }

    private mutating func pass(_ place: UInt64, into actions: inout [SessionAction]) {
        for message in outbound.log?.pass(place) ?? [] { forget(message, into: &actions) }
    }

    /// A message that isn't sent again: the client may hold its identifier, and mustn't take the next one under it for the same.
    private mutating func forget(_ message: KeptSession.InFlight, into actions: inout [SessionAction]) {
        guard message.stage == .pubrec else { return }
        outbound.inFlight[message.packetID] = .pubcomp
        outbound.log?.forgot(message)
        keepThis()
        send(.pubrel(PublishAck(packetID: message.packetID)), into: &actions)
    }

    /// The client must not hear of what has changed before it is kept.
    package mutating func keepThis() {
        if isKept { mustBeKept = true }
    }
}
