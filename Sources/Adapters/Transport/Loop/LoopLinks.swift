internal import Messaging
internal import NIOCore
internal import Synchronization

/// What the loops share: who is interested in what, and how much is on its way from one to another.
///
/// A loop whose messages pile up at a peer is congested: its publishers stop reading until the peer has caught up, so that
/// what is on its way stays within ``limit`` and what one read brought.
final class LoopLinks: Sendable {
    /// Most payload bytes on their way from one loop to another before publishers wait.
    static let limit = 4 << 20

    private struct State {
        var bytes: [Int]
        var isWaiting: [Bool]
        var peers: [NIOLoopBound<AdapterLoop>] = []
    }

    let interest: InterestFilter
    let count: Int
    /// Locked once a batch and for the congestion checks of those who already have to wait, never for a message.
    private let state: Mutex<State>
    /// One flag a loop, read for every read of a connection.
    private let congested: InlineFlags

    init(count: Int) {
        self.count = count
        self.interest = InterestFilter(loops: count)
        self.state = Mutex(
            State(bytes: Array(repeating: 0, count: count * count), isWaiting: Array(repeating: false, count: count))
        )
        self.congested = InlineFlags(count: count)
    }

    func connect(_ peers: [NIOLoopBound<AdapterLoop>]) {
        state.withLock { $0.peers = peers }
    }

    func isCongested(from loop: Int) -> Bool { congested[loop] }

    /// Gives a batch to another loop.
    func hand(_ batch: [Message], from loop: Int, to peer: Int) {
        let size = Self.size(of: batch)
        let target = state.withLock { state -> NIOLoopBound<AdapterLoop>? in
            guard peer < state.peers.count else { return nil }
            state.bytes[loop * count + peer] += size
            if state.bytes[loop * count + peer] > Self.limit { congested[loop] = true }
            return state.peers[peer]
        }
        target?.eventLoop.execute { target?.value.receive(batch, from: loop) }
    }

    /// A batch has been delivered; wakes the sender if it waits for that.
    func delivered(_ batch: [Message], from loop: Int, to peer: Int) {
        let size = Self.size(of: batch)
        let sender = state.withLock { state -> NIOLoopBound<AdapterLoop>? in
            state.bytes[loop * count + peer] -= size
            let row = state.bytes[loop * count..<(loop + 1) * count]
            guard congested[loop], row.allSatisfy({ $0 <= Self.limit / 2 }) else { return nil }
            congested[loop] = false
            defer { state.isWaiting[loop] = false }
            return state.isWaiting[loop] ? state.peers[loop] : nil
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

    private static func size(of batch: [Message]) -> Int {
        batch.reduce(0) { $0 + $1.payload.readableBytes + 128 }
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
