package import Model

/// What an ``AccessTable`` has to have asked of ``AccessControl``.
package struct AccessQuestion: Hashable, Sendable {
    package enum Subject: Hashable, Sendable {
        case key(ThingKey)
        case use(ThingIdentity, ChannelID)
    }

    package let subject: Subject
    /// Tells it from the same question at another time: an answer that comes after its question was given up on may be from
    /// before an event that nobody noted for it, so it must not pass for the answer to a later one.
    let number: UInt64
}

/// A question under way, and who waits for its answer.
struct PendingRight<Right> {
    /// Most events that a question takes note of; after more, its answer is worth nothing.
    private static var maximumMissed: Int { 64 }

    private(set) var question: AccessQuestion
    /// The loop's clock when it was asked first, and when it was asked last.
    let since: UInt64
    private(set) var askedAt: UInt64
    /// An answer that grants is worth nothing, whatever it is.
    private(set) var isStale = false
    /// What happened since it was asked; whom it concerns, the answer tells.
    private(set) var missed: [AccessEvent] = []
    var waiting: [(AccessAnswer<Right>) -> Void] = []

    init(_ question: AccessQuestion, since: UInt64) {
        self.question = question
        self.since = since
        self.askedAt = since
    }

    mutating func distrust() { isStale = true }

    mutating func miss(_ event: AccessEvent) {
        if missed.count < Self.maximumMissed { missed.append(event) } else { isStale = true }
    }

    mutating func askAgain(_ question: AccessQuestion, at now: UInt64) {
        self.question = question
        askedAt = now
        isStale = false
        missed = []
    }
}
