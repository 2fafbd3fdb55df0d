internal import Model

/// One who gets messages, and may be slow at it.
package protocol Subscriber: AnyObject {
    /// Whether so much waits for it that its publishers had better wait too.
    var isBehind: Bool { get }
}

/// The subscribers of one event loop that are behind, and the channels that they are behind with. One that takes longer than
/// ``patience`` isn't waited for any more until it has caught up: it may slow its publishers down for so long, and no
/// longer.
struct Laggards {
    static let patience: UInt64 = 2_000_000_000

    private struct Laggard {
        let subscriber: any Subscriber
        let since: UInt64
        var channels: Set<ChannelID> = []
        var isWaitedFor = true
    }

    private var laggards: [ObjectIdentifier: Laggard] = [:]

    /// Whether one of them is waited for.
    private(set) var areWaitedFor = false
    /// How many times one took too long.
    private(set) var givenUp = 0

    /// Answers whether its channel has one more laggard now that is waited for.
    mutating func note(_ subscriber: any Subscriber, _ channel: ChannelID, at now: UInt64) -> Bool {
        let id = ObjectIdentifier(subscriber)
        var laggard = laggards[id] ?? Laggard(subscriber: subscriber, since: now)
        guard laggard.isWaitedFor, laggard.channels.insert(channel).inserted else { return false }
        laggards[id] = laggard
        areWaitedFor = true
        return true
    }

    /// Forgets those that have caught up, and waits no longer for those that take too long. Answers the channels that have one
    /// less, once for each.
    mutating func sweep(at now: UInt64) -> [ChannelID] {
        var eased: [ChannelID] = []
        areWaitedFor = false
        for (id, laggard) in laggards {
            if !laggard.subscriber.isBehind {
                laggards[id] = nil
                eased += laggard.channels
            } else if laggard.isWaitedFor, now &- laggard.since >= Self.patience {
                laggards[id]?.isWaitedFor = false
                givenUp += 1
                laggards[id]?.channels = []
                eased += laggard.channels
            } else if laggard.isWaitedFor {
                areWaitedFor = true
            }
        }
        return eased
    }
}
