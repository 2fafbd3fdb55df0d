package import Model
internal import Synchronization

/// Which event loops have a subscriber for a channel: a table of counters that every publisher reads without a lock.
///
/// Channels share counters by hash, so a loop may be handed a message that nobody there wants; never the other way round:
/// a subscriber counts itself before its subscription is acknowledged.
package final class InterestFilter: Sendable {
    private static let slots = 4_096

    /// `slots × loops` counters, allocated once and freed with the filter; every access is atomic.
    private nonisolated(unsafe) let counters: UnsafeMutablePointer<Atomic<Int>>
    private let loops: Int

    package init(loops: Int) {
        self.loops = loops
        self.counters = .allocate(capacity: Self.slots * loops)
        for index in 0..<Self.slots * loops { (counters + index).initialize(to: Atomic(0)) }
    }

    deinit {
        counters.deinitialize(count: Self.slots * loops)
        counters.deallocate()
    }

    package func add(_ channel: ChannelID, loop: Int) {
        counters[index(channel, loop)].add(1, ordering: .acquiringAndReleasing)
    }

    package func remove(_ channel: ChannelID, loop: Int) {
        counters[index(channel, loop)].subtract(1, ordering: .acquiringAndReleasing)
    }

    package func isInterested(loop: Int, in channel: ChannelID) -> Bool {
        counters[index(channel, loop)].load(ordering: .acquiring) > 0
    }

    private func index(_ channel: ChannelID, _ loop: Int) -> Int {
        let mixed = (channel.value.low ^ channel.value.high) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> 52) * loops + loop
    }
}
