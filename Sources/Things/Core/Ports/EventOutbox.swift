package import Model

/// What has been committed and not been told yet.
package protocol EventOutbox: Sendable {
    /// Hands over everything that was committed before, or the first part of it, in the order of the changes of each row.
    /// Rounds of several programs follow each other. What was handed over is forgotten if the body returns; if it throws, or
    /// the program ends before that, it comes again.
    ///
    /// - Parameter send: blocks until the events are safe, and has to be done within seconds.
    /// - Returns: whether that was all.
    func relay(_ send: @escaping @Sendable (OutboxRound) throws -> Void) async throws -> Bool
}

/// What one round tells.
package struct OutboxRound: Sendable {
    package let events: [OutboxEvent]
    /// The position of the newest event that was ever told, these included; 0 if there was none.
    package let newest: Int64
    /// Whether nothing that was committed before the round is left over.
    package let isAll: Bool
    /// Just before what was committed was looked up.
    package let began: ContinuousClock.Instant

    package init(events: [OutboxEvent], newest: Int64, isAll: Bool, began: ContinuousClock.Instant) {
        (self.events, self.newest, self.isAll, self.began) = (events, newest, isAll, began)
    }
}

/// An event that is to be told.
package struct OutboxEvent: Sendable {
    /// Made when it is told, each time another: greater than 0, in no order. A number that a round could give again after
    /// it failed, as the row's own, would make two logs look like one.
    package let position: Int64
    /// The position of the event that was told before; 0 for the first of all. Who has seen that one has missed nothing.
    package let after: Int64
    package let members: JSONObject
    package let trace: TraceContext?

    package init(after: Int64, members: JSONObject, trace: TraceContext?) {
        // As much as every JSON reader takes (RFC 8259 section 6).
        position = .random(in: 1..<1 << 53)
        (self.after, self.members, self.trace) = (after, members, trace)
    }
}
