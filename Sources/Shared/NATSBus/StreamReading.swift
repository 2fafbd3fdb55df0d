internal import Messaging
internal import Model

/// A reading of the stream: what is known of it, what it has brought, and what is to be done next.
struct StreamReading {
    /// What is read.
    enum Scope: Hashable, Sendable {
        case all
        /// One channel's messages, with a subtopic or without one: a consumer of NATS 2.9 knows one filter, and an order exists within
        /// a topic only.
        case channel(ChannelID, below: Bool)

        init(of topic: Topic) { self = .channel(topic.channel, below: !topic.subtopic.levels.isEmpty) }

        /// The subject; nil: all there are.
        var filter: String? {
            channel.map { isBelow ? BusSubject.below($0) : BusSubject.base(of: $0) }
        }

        var channel: ChannelID? {
            if case .channel(let channel, _) = self { channel } else { nil }
        }

        private var isBelow: Bool { if case .channel(_, let isBelow) = self { isBelow } else { false } }
    }

    enum Step {
        case begin(from: UInt64, subject: String, isNarrow: Bool)
        case end(consumer: String, subject: String)
        case giveUp(held: [Message])
        case wait
    }

    /// How long the stream is read after its end was seen: longer than a message may be on its way into it.
    private static let tail = Duration.seconds(6)
    /// How long live messages wait then for what was left to it.
    private static let longestTail = Duration.seconds(30)
    /// After so long without an answer, or with more in the stream than can be read, what comes live is given on, whatever may be
    /// missing before it.
    private static let patience = Duration.seconds(10)
    private static let longestReading = Duration.seconds(60)
    /// A consumer that is silent for so long, without a heartbeat, is gone.
    private static let longestSilence = MessageStream.heartbeat * 3

    var merge: MessageMerge<Message>
    /// Up to here the stream has come by, live or read; nil: it was never seen.
    var position: UInt64?
    /// Where a consumer brings its messages; another one after each loss: what an earlier one still brings isn't heard.
    private(set) var subject = "_INBOX.\(UniqueID.random())"
    /// The one that is subscribed to.
    private var subscribed: String?
    /// Set after messages were lost between a consumer and us: the next one doesn't get so far ahead.
    private(set) var isNarrow = false
    /// Messages that the consumer has sent.
    private var deliveries: UInt64 = 0
    /// Messages that were brought and not yet called taken, and whether any of them was given on.
    private var (untaken, isGiven) = (0, false)
    /// Set while a consumer of the stream's is there.
    private var consumer: String?
    private var caughtUp: ContinuousClock.Instant?
    /// When the consumer was heard last.
    private var heard = ContinuousClock.now
    /// Since when a reading is due that hasn't come to an end, or hasn't begun again.
    private var due: ContinuousClock.Instant?

    init(_ merge: MessageMerge<Message>) { self.merge = merge }

    /// One of a channel, from where the reading of all is.
    init?(besides all: StreamReading) {
        guard all.position != nil else { return nil }
        (merge, position) = (all.merge, all.position)
        missed()
    }

    /// Some may have passed by.
    mutating func missed() {
        merge.missed()
        leave()
        due = .now
    }

    /// What is published live is in the stream soon, and left to that: the end is yet to come.
    mutating func left() { if caughtUp != nil { caughtUp = .now } }

    /// Answers what was subscribed to before.
    mutating func subscribe(to subject: String) -> String? {
        defer { subscribed = subject }
        return subscribed
    }

    mutating func hear() { heard = .now }

    /// A message came from its place. False if others that the consumer had sent before it didn't: then it is read again.
    mutating func hear(from place: StreamPlace) -> Bool {
        heard = .now
        deliveries += 1
        guard place.delivery != deliveries else { return true }
        isNarrow = true
        leave()
        due = .now
        return false
    }

    mutating func begun(_ consumer: String, pending: UInt64) {
        (self.consumer, heard) = (consumer, .now)
        if pending == 0 { reachedEnd() }
    }

    /// It was looked at. Answers whether the consumer may be told that it is taken, and whether anything was given on since that
    /// was done last.
    mutating func brought(from place: StreamPlace, isGiven: Bool) -> (isDue: Bool, isGiven: Bool) {
        position = max(position ?? 0, place.sequence)
        // A little behind the end is where one is who reads what others are writing.
        if place.pending == 0 { reachedEnd() } else if place.pending > MessageStream.window { caughtUp = nil }
        untaken += 1
        self.isGiven = self.isGiven || isGiven
        guard place.pending == 0 || untaken >= (isNarrow ? 2 : MessageStream.window / 8) else { return (false, false) }
        defer { (untaken, self.isGiven) = (0, false) }
        return (true, self.isGiven)
    }

    mutating func nextStep(_ scope: Scope, at now: ContinuousClock.Instant) -> Step {
        if merge.phase == .live { return .wait }
        if consumer != nil, now - heard > Self.longestSilence {
            leave()
            due = now
        }
        if merge.phase == .reading || !merge.isComplete, let due, now - due > longestReading(scope) {
            self.due = now
            return .giveUp(held: merge.givenUp())
        }
        guard let consumer else { return .begin(from: position ?? 0, subject: subject, isNarrow: isNarrow) }
        guard let caughtUp, now - caughtUp > Self.tail else { return .wait }
        guard merge.isComplete else {
            guard now - caughtUp > Self.longestTail else { return .wait }
            // What was left to the store never got there: the tail begins anew.
            self.caughtUp = now
            return .giveUp(held: merge.givenUp())
        }
        merge.finished()
        defer {
            leave()
            (due, subscribed) = (nil, nil)
        }
        return .end(consumer: consumer, subject: subject)
    }

    /// Those of a channel wait for as long as the stream is read, and the others don't when they have seen its end.
    private func longestReading(_ scope: Scope) -> Duration {
        guard consumer != nil else { return Self.patience }
        return scope == .all && merge.phase == .reading ? Self.longestReading : .seconds(Int64.max)
    }

    private mutating func leave() {
        subject = "_INBOX.\(UniqueID.random())"
        (consumer, caughtUp, deliveries, untaken, isGiven) = (nil, nil, 0, 0, false)
    }

    private mutating func reachedEnd() {
        merge.caughtUp()
        if caughtUp == nil { caughtUp = .now }
    }
}
