internal import Model
internal import Synchronization

/// The channels that have subscribers on any loop which are behind with them and waited for. Asked for every message that is to be
/// acknowledged: as long as there are none, at the price of one load.
final class StrainedChannels: Sendable {
    private let count = Atomic(0)
    private let channels = Mutex<[ChannelID: Int]>([:])

    func contains(_ channel: ChannelID) -> Bool {
        guard count.load(ordering: .relaxed) > 0 else { return false }
        return channels.withLock { $0[channel] != nil }
    }

    func add(_ channel: ChannelID) {
        channels.withLock { channels in
            channels[channel, default: 0] += 1
            count.add(1, ordering: .relaxed)
        }
    }

    func remove(_ channel: ChannelID) {
        channels.withLock { channels in
            guard let laggards = channels[channel] else { return }
            channels[channel] = laggards > 1 ? laggards - 1 : nil
            count.subtract(1, ordering: .relaxed)
        }
    }
}
