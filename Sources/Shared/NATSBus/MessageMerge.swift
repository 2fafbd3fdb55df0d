package import Messaging

/// Makes one stream of messages out of the two ways they come: live, and out of the store when some may have passed by. Each is
/// given on once, and those of a sender in its order.
///
/// What lives on both ways is in each sender's order: the bus and the store keep it. So while the store is read from before the
/// loss up to now, what comes live is left to it. From then on a sender's live messages are held until the store has brought all
/// that was left to it, and taken as they come after that; of too many, they are left to the store once more. Messages
/// without a stamp, of programs that don't number theirs, are taken as they come live, and never out of the store.
///
/// `Held` is what is kept of a live message that is held.
package struct MessageMerge<Held> {
    package enum Phase: Sendable {
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
        /// What came live behind that.
        var held: [(number: UInt64, message: Held)] = []
        var heldBytes = 0
        var lastHeard: UInt64 = 0

        var isBehind: Bool { left > read }

        /// Who is forgotten first.
        var precedence: (Int, UInt64) { (isBehind || !held.isEmpty ? 1 : 0, lastHeard) }

        mutating func forgetHeld() { (held, heldBytes) = ([], 0) }
    }

    /// Senders remembered; the one that was silent for longest is forgotten.
    private static var capacity: Int { 64 }
    /// Most bytes that one sender's messages which are held may have together, and as many more as one of them.
    private static var mostHeld: Int { 256 << 10 }

    package private(set) var phase = Phase.live
    private let own: UInt64
    private var senders: [UInt64: Sender] = [:]
    private var clock: UInt64 = 0

    /// - Parameter own: this process, which has delivered its own messages already.
    package init(own: UInt64) { self.own = own }

    /// Some may have passed by.
    package mutating func missed() {
        phase = .reading
        // It is in the store.
        for id in senders.keys { senders[id]?.forgetHeld() }
    }

    /// The store has brought everything that it had when it was asked last.
    package mutating func caughtUp() {
        if phase == .reading { phase = .merging }
    }

    /// The store can't be read for now: what comes live is given on, and what was left to the store, or held, when that can be read, out
    /// of its order.
    package mutating func givenUp() {
        phase = .merging
        forgetReading()
    }

    /// Whether nothing that was left to the store is still to come.
    package var isComplete: Bool { !senders.values.contains { $0.isBehind } }

    /// What the store hasn't brought: a number for each sender.
    package var left: [UInt64: UInt64] { senders.filter { $0.value.isBehind }.mapValues(\.left) }

    /// Whether it has brought all of that.
    package func hasRead(_ left: [UInt64: UInt64]) -> Bool {
        left.allSatisfy { sender, number in senders[sender].map { $0.read >= number || !$0.isBehind } ?? true }
    }

    /// The store isn't read any more.
    package mutating func finished() {
        phase = .live
        forgetReading()
    }

    /// A message came live. Answers whether it is to be given on now.
    ///
    /// - Parameters:
    ///   - size: the bytes that holding it takes.
    ///   - leaving: whether it is left to the store anyway, which is being read.
    ///   - holding: whether something is before it that isn't given on yet.
    package mutating func live(
        _ stamp: BusStamp?,
        _ message: @autoclosure () -> Held,
        size: Int,
        leaving: Bool = false,
        holding: Bool = false
    ) -> Bool {
        guard let stamp else { return true }
        return withSender(stamp.sender) { sender, phase in
            let isLeft = phase == .reading || (phase == .merging && leaving)
            let isHeld = phase == .merging && (holding || sender.isBehind)
            guard isLeft || isHeld else { return sender.come.insert(stamp.number) }
            guard !sender.come.contains(stamp.number) else { return false }
            if isLeft || sender.heldBytes >= Self.mostHeld {
                sender.left = max(sender.left, stamp.number)
                sender.forgetHeld()
            } else {
                sender.held.append((stamp.number, message()))
                sender.heldBytes += size
            }
            return false
        }
    }

    /// A message came out of the store. Answers whether it is to be given on, and what was held and is to be given on after it.
    package mutating func stored(_ stamp: BusStamp?) -> (isNew: Bool, held: [Held]) {
        guard let stamp, stamp.sender != own else { return (false, []) }
        let (isNew, isFree) = withSender(stamp.sender) { sender, _ in
            sender.read = max(sender.read, stamp.number)
            return (sender.come.insert(stamp.number), !sender.held.isEmpty && !sender.isBehind)
        }
        return (isNew, isFree ? release(stamp.sender) : [])
    }

    /// Everything that was held and isn't behind anything any more.
    package mutating func release() -> [Held] {
        senders.keys.sorted().flatMap { senders[$0]?.isBehind == true ? [] : release($0) }
    }

    /// Somebody else sees to a message.
    package mutating func came(_ stamp: BusStamp) {
        withSender(stamp.sender) { sender, _ in _ = sender.come.insert(stamp.number) }
    }

    private mutating func withSender<Answer>(_ id: UInt64, _ body: (inout Sender, Phase) -> Answer) -> Answer {
        clock &+= 1
        if senders[id] == nil, senders.count >= Self.capacity,
            let silent = senders.min(by: { $0.value.precedence < $1.value.precedence })
        {
            senders[silent.key] = nil
        }
        let phase = phase
        senders[id, default: Sender()].lastHeard = clock
        return body(&senders[id, default: Sender()], phase)
    }

    private mutating func release(_ id: UInt64) -> [Held] {
        guard let held = senders[id]?.held, !held.isEmpty else { return [] }
        senders[id]?.forgetHeld()
        return held.filter { senders[id]?.come.insert($0.number) ?? false }.map(\.message)
    }

    private mutating func forgetReading() {
        for id in senders.keys {
            senders[id]?.read = 0
            senders[id]?.left = 0
            senders[id]?.forgetHeld()
        }
    }
}
