internal import Messaging
internal import Model
internal import NIOCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What the loops share: who is interested in what, and how much is on its way from one to another.
///
/// A loop whose messages pile up at a peer is congested: its publishers stop reading until the peer has caught up, so that
/// what is on its way stays within ``limit`` and what one read brought. The bus counts as one loop more, the last, which wants
/// everything; what it brings waits on its own thread while a loop is behind.
final class LoopLinks: BusReceiver {
    /// Most payload bytes on their way from one loop to another before publishers wait.
    static let limit = 4 << 20
    /// Most messages of QoS 1 and 2, HTTP and WebSockets on their way to one loop from all others together: with a quarter of a
    /// subscriber's queue, with what the bus brings and with what it brings late they are fewer than that holds.
    private static let mostDelivering = 640
    /// Most of them that one loop has waiting to be stored.
    private static let mostStoring = 2_048

    private struct State {
        var bytes: [Int]
        var isWaiting: [Bool]
        /// What the bus brought, by loop.
        var inboxes: [MessageBatch]
        var peers: [NIOLoopBound<AdapterLoop>] = []
    }

    let interest: InterestFilter
    /// What of a log the loops want.
    let logInterest: InterestFilter
    let strained = StrainedChannels()
    let bus: (any MessageBus)?
    private let busInterest: InterestFilter?
    /// Nil if messages aren't kept for later subscribers.
    let retained: (any RetainedMessages)?
    /// What of them may be handed over by one other loop, and as many more wait there until its turn ends.
    let mostFromOne: Int
    /// Loops, and the bus if there is one.
    let count: Int
    private let loops: Int
    /// Locked once a batch and for the congestion checks of those who already have to wait, never for a message.
    private let state: Mutex<State>
    /// One flag a loop, read for every read of a connection.
    private let congested: InlineFlags

    init(count loops: Int, bus: (any MessageBus)? = nil, retained: (any RetainedMessages)? = nil) {
        self.retained = retained
        let count = bus == nil ? loops : loops + 1
        self.count = count
        self.loops = loops
        self.mostFromOne = max(1, Self.mostDelivering / 2 / max(1, loops))
        self.bus = bus
        self.busInterest = bus?.interest
        self.interest = InterestFilter(loops: loops)
        self.logInterest = InterestFilter(loops: loops)
        self.state = Mutex(
            State(
                bytes: Array(repeating: 0, count: count * count),
                isWaiting: Array(repeating: false, count: count),
                inboxes: Array(repeating: MessageBatch(), count: loops)
            )
        )
        self.congested = InlineFlags(count: count)
    }

    func connect(_ peers: [NIOLoopBound<AdapterLoop>]) {
        state.withLock { $0.peers = peers }
    }

    func isCongested(from loop: Int) -> Bool { congested[loop] }

    func isBus(_ peer: Int) -> Bool { peer == loops }

    /// Whether the message may be of use to that loop.
    func wants(_ message: Message, at peer: Int) -> Bool {
        guard isBus(peer) else { return interest.isInterested(loop: peer, in: message.topic.channel) }
        guard let busInterest else { return true }
        return message.qos > 0 && busInterest.isInterested(loop: 0, in: message.topic.channel)
            || busInterest.isInterested(loop: 1, in: message.topic.channel)
    }

    /// Gives a batch to another loop, or to the bus.
    ///
    /// - Parameter then: for the bus, on any thread: whether the batch is safe.
    func hand(_ batch: MessageBatch, from loop: Int, to peer: Int, then: (@Sendable (Bool) -> Void)?) {
        let target = state.withLock { state -> NIOLoopBound<AdapterLoop>? in
            state.bytes[loop * count + peer] += batch.size
            if state.bytes[loop * count + peer] > Self.limit { congested[loop] = true }
            return peer < state.peers.count ? state.peers[peer] : nil
        }
        if let target {
            target.eventLoop.execute { target.value.receive(batch, from: loop) }
        } else {
            bus?.publish(batch.messages) { isSafe in
                self.delivered(batch, from: loop, to: peer)
                then?(isSafe)
            }
        }
    }

    /// Gives the loops what another process published; waits while one of them is behind.
    func receive(_ message: Message) {
        while congested[loops] { usleep(500) }
        let size = size(of: message, to: 0)
        for peer in 0..<loops where wants(message, at: peer) {
            let target = state.withLock { state -> NIOLoopBound<AdapterLoop>? in
                state.bytes[loops * count + peer] += size
                if state.bytes[loops * count + peer] > Self.limit { congested[loops] = true }
                state.inboxes[peer].append(message, size: size)
                // What comes until the loop gets round to the first goes with it.
                return state.inboxes[peer].messages.count == 1 ? state.peers[peer] : nil
            }
            target?.eventLoop.execute { target?.value.receive(self.inbox(of: peer), from: self.loops) }
        }
    }

    func isStrained(_ channel: ChannelID) -> Bool { strained.contains(channel) }

    func whenTaken(_ channel: ChannelID?, _ then: @escaping @Sendable () -> Void) {
        let peers = state.withLock { $0.peers }
        let calls = WhenAll(peers.count, then)
        for peer in peers { peer.eventLoop.execute { peer.value.whenTaken(channel) { calls.one() } } }
    }

    private func inbox(of peer: Int) -> MessageBatch {
        state.withLock { state in
            defer { state.inboxes[peer] = MessageBatch() }
            return state.inboxes[peer]
        }
    }

    /// A batch has been delivered; wakes the sender if it waits for that.
    func delivered(_ batch: MessageBatch, from loop: Int, to peer: Int) {
        let sender = state.withLock { state -> NIOLoopBound<AdapterLoop>? in
            state.bytes[loop * count + peer] -= batch.size
            let row = state.bytes[loop * count..<(loop + 1) * count]
            guard congested[loop], row.allSatisfy({ $0 <= Self.limit / 2 }) else { return nil }
            congested[loop] = false
            defer { state.isWaiting[loop] = false }
            return state.isWaiting[loop] && loop < loops ? state.peers[loop] : nil
        }
        sender?.eventLoop.execute { sender?.value.peersCaughtUp() }
    }

    /// Whether the loop's publishers may go on at once; if not, the loop is called when they may.
    func mayResume(_ loop: Int) -> Bool {
        state.withLock { state in
            state.isWaiting[loop] = congested[loop]
            return !state.isWaiting[loop]
        }
    }

    /// What a message counts: the memory that it takes, but at least a share of the limit for each message that is to be
    /// acknowledged. So no more than ``mostFromOne`` are on their way to another loop before it is known whether the subscribers there
    /// can take them, and no more than ``mostStoring`` wait to be stored, however long that takes. What is brought late is bounded
    /// by who brings it.
    func size(of message: Message, to peer: Int) -> Int {
        guard message.qos > 0, !message.isLate else { return message.size }
        let share = isBus(peer) ? (bus?.stores == true ? Self.limit / Self.mostStoring : 0) : Self.limit / mostFromOne
        return max(message.size, share)
    }
}

/// Messages on their way from one loop to another, and what they count: see ``LoopLinks/size(of:to:)``.
struct MessageBatch {
    private(set) var messages: [Message] = []
    private(set) var size = 0

    mutating func append(_ message: Message, size: Int) {
        messages.append(message)
        self.size += size
    }

    /// All of it. There is room for as many again.
    mutating func take() -> MessageBatch {
        let batch = self
        (messages, size) = ([], 0)
        messages.reserveCapacity(batch.messages.count)
        return batch
    }
}

/// Calls back when all have called.
private final class WhenAll: Sendable {
    private let missing: Atomic<Int>
    private let then: @Sendable () -> Void

    init(_ count: Int, _ then: @escaping @Sendable () -> Void) {
        self.missing = Atomic(count)
        self.then = then
    }

    func one() {
        if missing.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { then() }
    }
}

/// A few atomic flags.
private final class InlineFlags: Sendable {
    /// Allocated once, freed with the owner; every access is atomic.
    private nonisolated(unsafe) let flags: UnsafeMutablePointer<Atomic<Bool>>
    private let count: Int

    init(count: Int) {
        self.count = count
        self.flags = .allocate(capacity: count)
        for index in 0..<count { (flags + index).initialize(to: Atomic(false)) }
    }

    deinit {
        flags.deinitialize(count: count)
        flags.deallocate()
    }

    subscript(index: Int) -> Bool {
        get { flags[index].load(ordering: .relaxed) }
        set { flags[index].store(newValue, ordering: .relaxed) }
    }
}
