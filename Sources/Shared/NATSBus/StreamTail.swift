internal import Model

/// The end of the stream as a consumer brings it: what is known of that, and how far it has got.
struct StreamTail {
    /// A consumer that is silent for so long, without a heartbeat, is gone.
    private static let longestSilence = MessageStream.heartbeat * 3
    /// How many it may be ahead of what is acknowledged.
    static let window = 1_024

    /// Up to here everything has come; nil: it isn't known where the stream is.
    private(set) var position: UInt64?
    /// Where the consumer sends to; nil: there is none.
    private(set) var subject: String?
    private var consumer: String?
    private var deliveries: UInt64 = 0
    private var (untaken, lastReply) = (0, "")
    private var heard = ContinuousClock.now

    var isFollowing: Bool { consumer != nil }

    /// A consumer is about to be made for what comes behind a place. Answers where it is to send to.
    mutating func begin(behind place: UInt64) -> String {
        let subject = "_INBOX.\(UniqueID.random())"
        (position, self.subject, consumer, deliveries, untaken) = (place, subject, nil, 0, 0)
        return subject
    }

    /// False if it isn't wanted any more.
    mutating func begun(_ consumer: String, on subject: String) -> Bool {
        guard subject == self.subject else { return false }
        (self.consumer, heard) = (consumer, .now)
        return true
    }

    /// Something was missed, or may have been: another consumer goes on behind what came last. Answers what is to be ended.
    mutating func leave() -> (subject: String?, consumer: String?) {
        defer { (subject, consumer) = (nil, nil) }
        return (subject, consumer)
    }

    /// What comes from now on isn't known.
    mutating func forget() { position = nil }

    enum Arrival {
        case new
        /// It has come before: the server sends again what isn't acknowledged in time.
        case old
        /// Others that were sent before it didn't come.
        case gap
    }

    mutating func came(from place: StreamPlace, reply: String) -> Arrival {
        heard = .now
        deliveries += 1
        guard place.delivery == deliveries else { return .gap }
        (untaken, lastReply) = (untaken + 1, reply)
        guard place.sequence > position ?? 0 else { return .old }
        position = place.sequence
        return .new
    }

    /// A heartbeat. False if more was sent than came.
    mutating func heard(delivered: UInt64?) -> Bool {
        heard = .now
        return delivered.map { $0 <= deliveries } ?? true
    }

    /// What is to be acknowledged now, with all before it.
    ///
    /// - Parameter least: of fewer messages it may wait.
    mutating func acknowledgement(of least: Int = Self.window / 4) -> String? {
        guard untaken >= least else { return nil }
        untaken = 0
        return lastReply
    }

    func isSilent(at now: ContinuousClock.Instant) -> Bool { isFollowing && now - heard > Self.longestSilence }
}
