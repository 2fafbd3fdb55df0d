/// How long decisions may be used, in nanoseconds.
package struct AccessAges: Sendable {
    /// While it is known that no right was taken unheard of, and, because rights change through the things service only, while
    /// that can't be reached.
    package let leased: UInt64
    /// While it isn't known.
    package let unleased: UInt64
    /// Whether it is always known.
    package let isAlwaysLeased: Bool

    package init(leased: UInt64, unleased: UInt64) {
        (self.leased, self.unleased, self.isAlwaysLeased) = (leased, min(unleased, leased), false)
    }

    private init(always age: UInt64) {
        (leased, unleased, isAlwaysLeased) = (age, age, true)
    }

    /// Where no event can be lost.
    package static func always(_ age: UInt64) -> Self { Self(always: age) }

    /// How long a decision that couldn't be confirmed is used before that is tried again.
    var excuse: UInt64 { min(unleased / 4, 2_000_000_000) }
}

/// What decides whether the rights of one ``AccessTable`` are good. Confined to its loop.
package final class AccessAge {
    let ages: AccessAges
    /// Rights of an earlier one are distrusted: events may have been missed since they were asked for.
    @exclusivity(unchecked) private(set) var generation = 0
    /// When the last generations began.
    private var gaps: [UInt64] = []
    @exclusivity(unchecked) private var leaseEnds: UInt64
    /// When the first of the rights that are held is to be confirmed, or earlier.
    var nextRenewal = UInt64.max

    init(_ ages: AccessAges) {
        self.ages = ages
        self.leaseEnds = ages.isAlwaysLeased ? .max : 0
    }

    func trusts(_ right: AccessRight, at now: UInt64) -> Bool {
        right.generation == generation && now &- right.askedAt < (now < leaseEnds ? ages.leased : ages.unleased)
    }

    /// When the right, if it is held, is to be confirmed: in good time before it is too old, and not all at once.
    func renewal(of right: AccessRight, at now: UInt64) -> UInt64 {
        let due: UInt64
        if right.generation != generation {
            due = gap(after: right.generation).adding(right.jitter)
        } else if now < leaseEnds {
            due = right.askedAt.adding(ages.leased / 10 * 7 + right.jitter % (ages.leased / 10 + 1))
        } else {
            due = right.askedAt.adding(ages.unleased / 2 + right.jitter % (ages.unleased / 4 + 1))
        }
        return max(due, right.excusedUntil)
    }

    func isDue(_ right: AccessRight, at now: UInt64) -> Bool {
        let due = renewal(of: right, at: now)
        if due > now { nextRenewal = min(nextRenewal, due) }
        return due <= now
    }

    func extendLease(until end: UInt64) { leaseEnds = max(leaseEnds, end) }

    /// The end of the lease shortens the time of all.
    func beginRenewal(at now: UInt64) { nextRenewal = leaseEnds > now ? leaseEnds : .max }

    /// Of many rights there is always one that is due soon: but after a gap they are looked through once in a while, which
    /// their time has room for.
    func endRenewal(at now: UInt64) {
        let isAfterGap = gaps.last.map { now < $0.adding(AccessRight.spread) } ?? false
        if !isAfterGap { nextRenewal = max(nextRenewal, now.adding(min(ages.unleased / 20, 1_000_000_000))) }
    }

    func distrustAll(at now: UInt64) {
        generation += 1
        gaps.append(now)
        if gaps.count > 100 { gaps.removeFirst(50) }
        nextRenewal = now
    }

    /// When rights of the generation came to be distrusted: further gaps don't give them more time.
    private func gap(after generation: Int) -> UInt64 {
        let index = gaps.count - (self.generation - generation)
        return gaps.indices.contains(index) ? gaps[index] : 0
    }
}

extension UInt64 {
    /// The sum, or the greatest number.
    fileprivate func adding(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
