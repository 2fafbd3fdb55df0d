internal import DequeModule
internal import Messaging
internal import Model
internal import NIOCore

/// A reading of the stream: what is known of it, what it has brought, and what is to be done next.
struct StreamReading {
    /// What is read.
    enum Scope: Hashable, Sendable, CustomStringConvertible {
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

        var description: String { channel.map { "\($0)\(isBelow ? "/#" : "")" } ?? "all" }

        private var isBelow: Bool { if case .channel(_, let isBelow) = self { isBelow } else { false } }
    }

    enum Step {
        case begin(from: UInt64, subject: String, window: Int)
        case end(consumer: String, subject: String)
        case acknowledge(reply: String)
        case giveUp
        case wait
    }

    /// How many messages a consumer may be ahead of what is taken, if they are small.
    static let window = 256
    /// Most bytes of these that wait to be given on: with more of them the next consumer keeps to what the client library holds.
    private static let mostQueued = 2 << 20
    /// What subscribers get at once before they are asked whether they took it: so much that they have room for it at any time, also
    /// from some channels together.
    private static let (chunk, chunkBytes) = (32, 256 << 10)
    /// How many come between acknowledgements, if nobody waits for what they bring.
    private static let acknowledged = 8

    /// How long the stream is read after its end was seen: longer than a message may be on its way into it.
    private static let tail = Duration.seconds(6)
    /// How long live messages wait then for what was left to it, if no more of that comes.
    private static let longestTail = Duration.seconds(30)
    /// After so long without an answer, or with more in the stream than can be read, what comes live is given on, whatever may be
    /// missing before it.
    private static let patience = Duration.seconds(10)
    private static let longestReading = Duration.seconds(60)
    /// A consumer that is silent for so long, without a heartbeat, is gone.
    private static let longestSilence = MessageStream.heartbeat * 3

    let scope: Scope
    var merge: MessageMerge<Message>
    /// Up to here the stream has come by, live or read; nil: it was never seen.
    var position: UInt64?
    /// Where a consumer brings its messages; another one after each loss: what an earlier one still brings isn't heard.
    private(set) var subject = Self.newSubject
    /// The one that is subscribed to.
    private var subscribed: String?
    /// Set while a consumer of the stream's is there.
    private var consumer: String?
    /// Messages that the consumer has sent.
    private var deliveries: UInt64 = 0
    /// How many of them aren't acknowledged, and what the last one is acknowledged to.
    private var (untaken, lastReply) = (0, "")
    /// Set after more came than could be kept.
    private var isNarrow: Bool
    /// What was dropped on its way to us while the stream was read may not be in there yet.
    private var hadGap = false
    private var caughtUp: ContinuousClock.Instant?
    /// What the store hadn't brought then.
    private var missing: (at: ContinuousClock.Instant, what: [UInt64: UInt64])?
    /// When the consumer was heard last.
    private var heard = ContinuousClock.now
    /// Since when a reading is due that hasn't come to an end, or hasn't begun again.
    private var due: ContinuousClock.Instant?

    /// What a channel's subscribers haven't been given yet.
    private var queue: Deque<(message: Message, reply: String)> = []
    private var queuedBytes = 0
    private var isHandingOut = false

    /// Of everything; nothing is missing yet.
    init(own: UInt64) { (scope, merge, isNarrow) = (.all, MessageMerge(own: own), true) }

    /// One of a channel, from where the reading of all is; nil if that has never seen the stream.
    init?(_ scope: Scope, besides all: StreamReading) {
        guard all.position != nil else { return nil }
        (self.scope, merge, position, isNarrow) = (scope, all.merge, all.position, false)
        merge.finished()
        missed()
    }

    private static var newSubject: String { "_INBOX.\(UniqueID.random())" }

    // MARK: What happened

    /// Some may have passed by.
    mutating func missed(isCutOff: Bool = true) {
        guard position != nil else { return }
        // What is dropped while the stream is read is left to it.
        guard isCutOff || merge.phase != .reading else { return hadGap = true }
        merge.missed()
        startAnew()
    }

    /// What is published live is in the stream soon, and left to that: the end is yet to come.
    mutating func left() { if caughtUp != nil { caughtUp = .now } }

    /// A consumer is about to send there what is in the stream from that number on. Answers what was subscribed to before.
    mutating func subscribe(to subject: String, from first: UInt64) -> String? {
        // A stream that was made anew counts from 1.
        position = first - min(first, 1)
        defer { subscribed = subject }
        return subscribed
    }

    mutating func begun(_ consumer: String, pending: UInt64) {
        (self.consumer, heard) = (consumer, .now)
        if pending == 0 { reachedEnd() }
    }

    mutating func startAnew() {
        leave()
        due = .now
    }

    /// A heartbeat.
    ///
    /// - Parameter delivered: how many messages the consumer has sent, as it says.
    mutating func hear(delivered: UInt64?) {
        heard = .now
        if let delivered, delivered > deliveries { lose() }
    }

    /// A message came from its place. False if it can't be taken, or others that the consumer had sent before it didn't come: then they
    /// are read again.
    mutating func hear(from place: StreamPlace, reply: String, bytes: Int) -> Bool {
        heard = .now
        deliveries += 1
        guard place.delivery == deliveries, isNarrow || queuedBytes + bytes <= Self.mostQueued else {
            lose()
            return false
        }
        position = max(position ?? 0, place.sequence)
        (untaken, lastReply) = (untaken + 1, reply)
        return true
    }

    private mutating func lose() {
        isNarrow = true
        startAnew()
    }

    /// After it was looked at.
    mutating func came(to place: StreamPlace) {
        // A little behind the end is where one is who reads what others are writing.
        if place.pending == 0 { reachedEnd() } else if place.pending > Self.window { caughtUp = nil }
    }

    private mutating func reachedEnd() {
        guard !hadGap else {
            hadGap = false
            return startAnew()
        }
        merge.caughtUp()
        if caughtUp == nil { caughtUp = .now }
    }

    /// What a consumer still brings isn't heard any more.
    mutating func leave() {
        subject = Self.newSubject
        (consumer, caughtUp, missing, deliveries, untaken) = (nil, nil, nil, 0, 0)
    }

    // MARK: What is to be done

    /// What is to be acknowledged now, of what nobody waits for.
    mutating func acknowledgement() -> String? {
        guard untaken >= Self.acknowledged, !isBusy else { return nil }
        untaken = 0
        return lastReply
    }

    mutating func nextStep(at now: ContinuousClock.Instant, narrowWindow: Int, mayEnd: Bool) -> Step {
        if merge.phase == .live { return .wait }
        if consumer != nil, now - heard > Self.longestSilence { startAnew() }
        if merge.phase == .reading || !merge.isComplete, let due, now - due > longestReading { return giveUp(at: now) }
        guard let consumer else {
            return .begin(from: position ?? 0, subject: subject, window: isNarrow ? narrowWindow : Self.window)
        }
        if untaken > 0, !isBusy {
            untaken = 0
            return .acknowledge(reply: lastReply)
        }
        guard let caughtUp, now - caughtUp > Self.tail, !isBusy, mayEnd else { return .wait }
        guard merge.isComplete else {
            if let missing, !merge.hasRead(missing.what) {
                return now - missing.at > Self.longestTail ? giveUp(at: now) : .wait
            }
            missing = (now, merge.left)
            return .wait
        }
        merge.finished()
        defer {
            leave()
            (due, subscribed) = (nil, nil)
        }
        return .end(consumer: consumer, subject: subject)
    }

    /// What was left to the store never got there, or can't be read.
    private mutating func giveUp(at now: ContinuousClock.Instant) -> Step {
        merge.givenUp()
        due = now
        missing = nil
        return .giveUp
    }

    /// Those of a channel wait for as long as the stream is read, and the others don't when they have seen its end.
    private var longestReading: Duration {
        guard consumer != nil else { return Self.patience }
        return scope == .all && merge.phase == .reading ? Self.longestReading : .seconds(Int64.max)
    }

    // MARK: A channel's subscribers

    /// Whether what was read isn't taken yet: nothing may overtake it.
    var isBusy: Bool { isHandingOut || !queue.isEmpty }

    mutating func add(_ messages: [Message], reply: String) {
        for message in messages {
            queue.append((message, reply))
            queuedBytes += message.size
        }
    }

    /// What is to be given on now, and what is acknowledged when it is taken; nil while that is awaited.
    mutating func nextChunk() -> (messages: [Message], reply: String)? {
        guard !isHandingOut, var reply = queue.first?.reply else { return nil }
        var (messages, bytes) = ([Message](), 0)
        while messages.count < Self.chunk, bytes < Self.chunkBytes, let next = queue.popFirst() {
            messages.append(next.message)
            bytes += next.message.size
            reply = next.reply
        }
        queuedBytes -= bytes
        isHandingOut = true
        return (messages, reply)
    }

    /// What was given on was taken. What came live meanwhile is next, if nothing is before it.
    mutating func taken() {
        isHandingOut = false
        if queue.isEmpty { add(merge.release(), reply: lastReply) }
    }

}
