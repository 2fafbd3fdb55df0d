package import Model

/// A right as an event loop knows it. It dies when it is taken, so whoever keeps it looks at ``isGood(at:)`` before each use,
/// which costs some comparisons.
///
/// Confined to the loop whose ``AccessTable`` made it.
package class AccessRight {
    /// Nanoseconds over which those that have to be confirmed at the same time are spread.
    static let spread: UInt64 = 1_000_000_000

    package let identity: ThingIdentity
    // Unchecked, as they are looked at for every message and only ever read or set.
    @exclusivity(unchecked) package internal(set) final var isLive = true
    private let age: AccessAge
    /// The loop's clock when it was asked for: what happened before is known.
    @exclusivity(unchecked) private(set) final var askedAt: UInt64
    @exclusivity(unchecked) private(set) final var generation: Int
    /// Good until then though it couldn't be confirmed.
    @exclusivity(unchecked) private(set) final var excusedUntil: UInt64 = 0
    final let jitter = UInt64.random(in: 0..<AccessRight.spread)
    /// Sessions that live by it.
    private final var holders = 0

    fileprivate init(_ identity: ThingIdentity, _ age: AccessAge, askedAt: UInt64) {
        (self.identity, self.age, self.askedAt, self.generation) = (identity, age, askedAt, age.generation)
    }

    package final func isGood(at now: UInt64) -> Bool {
        isLive && (age.trusts(self, at: now) || now < excusedUntil)
    }

    /// Good, and not only because nobody could tell.
    package final func isConfirmed(at now: UInt64) -> Bool { isLive && age.trusts(self, at: now) }

    // MARK: Sessions that live by it

    final var isHeld: Bool { holders > 0 }

    /// There is a session that ends with this right: it is confirmed for as long as there is one.
    package final func hold(at now: UInt64) {
        holders += 1
        age.nextRenewal = min(age.nextRenewal, age.renewal(of: self, at: now))
    }

    package final func release() { holders -= 1 }

    // MARK: Age

    final func confirm(askedAt time: UInt64, at now: UInt64) {
        (askedAt, generation, excusedUntil) = (time, age.generation, 0)
        age.nextRenewal = min(age.nextRenewal, age.renewal(of: self, at: now))
    }

    /// It couldn't be confirmed: lets it pass for a while. False if it is too old for that.
    final func excuse(at now: UInt64) -> Bool {
        let age = now - min(now, askedAt)
        guard age < self.age.ages.leased else { return false }
        excusedUntil = now + min(self.age.ages.excuse, self.age.ages.leased - age)
        self.age.nextRenewal = min(self.age.nextRenewal, excusedUntil)
        return true
    }
}

/// The right of one thing to use one channel.
package final class ChannelGrant: AccessRight {
    package let channel: ChannelID

    init(_ identity: ThingIdentity, _ channel: ChannelID, _ age: AccessAge, askedAt: UInt64) {
        self.channel = channel
        super.init(identity, age, askedAt: askedAt)
    }
}

/// Whose a key is.
package final class KnownKey: AccessRight {
    let key: ThingKey

    init(_ identity: ThingIdentity, _ key: ThingKey, _ age: AccessAge, askedAt: UInt64) {
        self.key = key
        super.init(identity, age, askedAt: askedAt)
    }
}

/// A key and what its thing may use, both alive when it was made.
package struct Admission {
    package let key: KnownKey
    package let grant: ChannelGrant

    package var isLive: Bool { key.isLive && grant.isLive }

    /// See ``AccessRight/hold(at:)``.
    package func hold(at now: UInt64) {
        key.hold(at: now)
        grant.hold(at: now)
    }

    package func release() {
        key.release()
        grant.release()
    }
}

/// Why sessions lose the right that they live by.
package enum AccessLoss: Sendable {
    /// It was taken.
    case taken
    /// Nobody could tell for too long whether it still holds.
    case unconfirmed
}
