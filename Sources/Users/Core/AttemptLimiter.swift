/// Counts attempts by key and says when there have been too many: a token bucket for each key, in bounded memory.
///
/// For each key one moment is kept, that at which its bucket is full again (GCRA). Two tables take turns: when the
/// newer one is full the older is forgotten, so a key is remembered for at least `capacity` others.
package struct AttemptLimiter<Key: Hashable & Sendable>: Sendable {
    private let burst: Duration
    private let interval: Duration
    private let capacity: Int
    private var newer: [Key: Duration] = [:]
    private var older: [Key: Duration] = [:]

    /// - Parameters:
    ///   - attempts: how many are allowed at once.
    ///   - interval: after which one more is.
    ///   - capacity: keys in one of the two tables.
    package init(attempts: Int, interval: Duration, capacity: Int = 50_000) {
        self.burst = interval * attempts
        self.interval = interval
        self.capacity = capacity
    }

    /// Takes one attempt; the answer is nil if it is allowed, else the time to wait.
    package mutating func take(_ key: Key, at now: Duration) -> Duration? {
        let full = fullAgain(key, at: now) + interval
        let wait = full - burst - now
        guard wait <= .zero else { return wait }
        remember(key, full)
        return nil
    }

    /// Gives an attempt back that turned out not to count.
    package mutating func giveBack(_ key: Key, at now: Duration) {
        remember(key, fullAgain(key, at: now) - interval)
    }

    /// Never later than a whole burst from now, so that a clock set back locks nobody out.
    private func fullAgain(_ key: Key, at now: Duration) -> Duration {
        let moment = newer[key] ?? older[key] ?? now
        return min(max(moment, now), now + burst)
    }

    private mutating func remember(_ key: Key, _ moment: Duration) {
        if newer[key] == nil, newer.count >= capacity {
            older = newer
            newer.removeAll(keepingCapacity: true)
        }
        newer[key] = moment
    }
}
