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
    /// The number of the newest event that was ever told, these included; 0 if there was none.
    package let newest: Int64
    /// Whether nothing that was committed before the round is left over.
    package let isAll: Bool

    package init(events: [OutboxEvent], newest: Int64, isAll: Bool) {
        (self.events, self.newest, self.isAll) = (events, newest, isAll)
    }
}

/// An event that is to be told.
package struct OutboxEvent: Sendable {
    /// Greater than 0, and no other event's. Later events may have smaller ones.
    package let number: Int64
    /// The number of the event that was told before; 0 for the first of all. Who has seen that one has missed nothing.
    package let after: Int64
    package let members: JSONObject
    package let trace: TraceContext?

    package init(number: Int64, after: Int64, members: JSONObject, trace: TraceContext?) {
        (self.number, self.after, self.members, self.trace) = (number, after, members, trace)
    }
}
