package import Messaging

/// Makes one stream of messages out of the two ways they come: live, and out of the store when some may have passed by. Each is
/// given on once, and those of a sender in its order.
///
/// What lives on both ways is in each sender's order: the bus and the store keep it. So while the store is read from before the
/// loss up to now, what comes live is left to it; and from then on a sender's live messages are taken again as soon as
/// the store has brought all that was left to it. Messages without a stamp, of programs that don't number theirs, are taken as they
/// come live, and never out of the store.
package struct MessageMerge {
    package enum Phase {
        /// Nothing is known to be missing.
        case live
        /// The store is read; what comes live is in it, or was never stored.
        case reading
        /// The store has been read up to where it was a moment ago: both ways count.
        case merging
    }

    private struct Sender {
        var come = NumberWindow()
        /// The highest number that the store has brought since the loss.
        var read: UInt64 = 0
        /// The highest number that was left to the store since.
        var left: UInt64 = 0
        var lastHeard: UInt64 = 0
    }

    /// Senders remembered; the one that was silent for longest is forgotten.
    private static let capacity = 64

    package private(set) var phase = Phase.live
    private let own: UInt64
    private var senders: [UInt64: Sender] = [:]
    private var clock: UInt64 = 0

    /// - Parameter own: this process, which has delivered its own messages already.
    package init(own: UInt64) { self.own = own }

    /// Some may have passed by.
    package mutating func missed() {
        phase = .reading
        forgetReading()
    }

    /// The store has brought everything that it had when it was asked last.
    package mutating func caughtUp() {
        if phase == .reading { phase = .merging }
    }

    /// The store can't be read for now: what comes live is given on, and what was left to the store when that can be read, out of
    /// its order.
    package mutating func givenUp() {
        phase = .merging
        forgetReading()
    }

    /// Whether nothing that was left to the store is still to come.
    package var isComplete: Bool { senders.values.allSatisfy { $0.left <= $0.read } }

    /// The store isn't read any more.
    package mutating func finished() {
        phase = .live
        forgetReading()
    }

    /// A message came live. Answers whether it is to be given on.
    package mutating func live(_ stamp: BusStamp?) -> Bool {
        guard let stamp else { return true }
        return withSender(stamp.sender) { sender, phase in
            let isLeft = phase == .reading || (phase == .merging && sender.left > sender.read)
            guard isLeft else { return sender.come.insert(stamp.number) }
            if !sender.come.contains(stamp.number) { sender.left = max(sender.left, stamp.number) }
            return false
        }
    }

    /// A message came out of the store. Answers whether it is to be given on.
    package mutating func stored(_ stamp: BusStamp?) -> Bool {
        guard let stamp, stamp.sender != own else { return false }
        return withSender(stamp.sender) { sender, _ in
            sender.read = max(sender.read, stamp.number)
            return sender.come.insert(stamp.number)
        }
    }

    private mutating func withSender(_ id: UInt64, _ body: (inout Sender, Phase) -> Bool) -> Bool {
        clock &+= 1
        if senders[id] == nil, senders.count >= Self.capacity,
            let silent = senders.min(by: { $0.value.lastHeard < $1.value.lastHeard })
        {
            senders[silent.key] = nil
        }
        let phase = phase
        senders[id, default: Sender()].lastHeard = clock
        return body(&senders[id, default: Sender()], phase)
    }

    private mutating func forgetReading() {
        for id in senders.keys {
            senders[id]?.read = 0
            senders[id]?.left = 0
        }
    }
}
