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

    /// Up to where the client has been sent what is for it; 0 if the session isn't kept.
    package var logPosition: UInt64 { outbound.log?.sent ?? 0 }

    /// Places of messages that were in flight on an earlier connection and are to be sent again, in this order.
    package var unsent: [UInt64] { outbound.log?.unsent.reversed().map(\.place) ?? [] }

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

    /// Sends a message again that was in flight on an earlier connection, under its identifier, whether it is wanted or not, and however old it is
    /// [MQTT-4.4.0-1], [MQTT-3.3.2-5].
    ///
    /// - Parameter publish: nil if the log doesn't have it any more, or the client may not have it.
    package mutating func resume(
        _ publish: Publish?,
        at place: UInt64,
        into actions: inout [SessionAction]
    ) -> LogDelivery {
        guard phase == .connected else { return .passed }
        guard outbound.hasRoom else { return .noRoom }
        guard let former = outbound.log?.takeUnsent(at: place) else { return .passed }
        guard let publish, fits(publish) else {
            forget(former, into: &actions)
            return .passed
        }
        let again = outbound.resume(publish, former)
        outbound.log?.began(again.packetID, at: place)
        send(again, into: &actions)
        return .sent
    }

    /// Delivers a QoS 1 or 2 message of the log. They come in the order of their places, behind those that are sent again.
    package mutating func deliver(
        _ publish: @autoclosure () -> Publish,
        at place: UInt64,
        isExpired: Bool,
        into actions: inout [SessionAction]
    ) -> LogDelivery {
        guard phase == .connected, let log = outbound.log, place > log.sent else { return .passed }
        guard outbound.hasRoom, log.unsent.isEmpty else { return .noRoom }
        if isExpired {
            outbound.expired += 1
            log.pass(place)
            return .passed
        }
        var publish = publish()
        guard fits(publish) else {
            log.pass(place)
            return .passed
        }
        publish = outbound.begin(publish)
        if publish.qos == .exactlyOnce { keepThis() }
        outbound.log?.began(publish.packetID, at: place)
        send(publish, into: &actions)
        return .sent
    }

    /// Delivers a QoS 1 or 2 message that was retained before its subscription, behind those that are sent again.
    package mutating func deliver(
        _ publish: consuming Publish,
        retainedAt place: UInt64,
        into actions: inout [SessionAction]
    ) -> LogDelivery {
        guard phase == .connected, let log = outbound.log, fits(publish) else { return .passed }
        guard outbound.hasRoom, log.unsent.isEmpty else { return .noRoom }
        let publish = outbound.begin(publish)
        if publish.qos == .exactlyOnce { keepThis() }
        log.began(publish.packetID, at: place)
        send(publish, into: &actions)
        return .sent
    }

    /// There is nothing more for the client up to this place.
    package mutating func passed(_ place: UInt64) {
        guard phase == .connected else { return }
        outbound.log?.pass(place)
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
