/// Where in the log the messages are that a kept session has sent to its client. A class, so that others take no room for it.
final class LogDeliveries {
    /// Up to where the client has been sent what is for it, on this connection or an earlier one.
    private(set) var sent: UInt64
    /// Of those in flight, by packet identifier.
    private var places: [UInt16: UInt64] = [:]
    /// In flight on an earlier connection and not yet sent again on this one, the last first; before anything new.
    private(set) var unsent: [KeptSession.InFlight]

    /// How many exchanges of QoS 2 the client has begun, and which of them are being routed, by packet identifier.
    private(set) var begunExchanges: UInt64
    private(set) var routing: [UInt16: UInt64] = [:]

    /// Exchanges of an earlier connection, until the client begins one of this.
    var unknown: KeptSession.Unknown?

    /// Whether a message has gone out or was acknowledged since it was last asked.
    var hasProgressed = false
    /// What is to be kept, when the session has ended.
    var left: KeptSession?

    init(_ session: KeptSession) {
        unsent = session.inFlight.reversed().filter { $0.stage != .pubcomp }
        sent = session.sent
        begunExchanges = session.begunExchanges
        unknown = session.unknown
        inherited = Set(session.unreleased)
        for message in session.inFlight where message.stage == .pubcomp { places[message.packetID] = message.place }
    }

    /// Messages of QoS 2 of an earlier connection that the client hasn't released.
    private(set) var inherited: Set<UInt16>

    func released(_ id: UInt16) { inherited.remove(id) }

    func beganRouting(_ id: UInt16) {
        begunExchanges &+= 1
        routing[id] = begunExchanges
    }

    func endedRouting(_ id: UInt16) { routing[id] = nil }

    func isTaken(_ id: UInt16) -> Bool { unsent.contains { $0.packetID == id } }

    /// What the next message to be sent again had in its first flight, if it is the one that stands there.
    func takeUnsent(at place: UInt64) -> KeptSession.InFlight? {
        unsent.last?.place == place ? unsent.removeLast() : nil
    }

    /// A message has gone out.
    func began(_ id: UInt16, at place: UInt64) {
        places[id] = place
        if !KeptSession.isRetained(place) { pass(place) }
        hasProgressed = true
    }

    /// Ends an exchange whose message isn't sent again.
    func forgot(_ message: KeptSession.InFlight) { places[message.packetID] = message.place }

    func finished(_ id: UInt16) {
        places[id] = nil
        hasProgressed = true
    }

    /// There is nothing for the client up to there, or nothing any more.
    func pass(_ place: UInt64) { sent = max(sent, place) }

    /// All in flight that the log has, with those that haven't been sent again.
    func inFlight(_ entries: [(id: UInt16, stage: DeliveryStage)]) -> [KeptSession.InFlight] {
        entries.compactMap { id, stage in
            places[id].map { KeptSession.InFlight(place: $0, packetID: id, stage: stage) }
        } + unsent.reversed()
    }
}
