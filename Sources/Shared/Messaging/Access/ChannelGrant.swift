package import Model

/// The right of one thing to use one channel, as an event loop knows it. It dies when the right is taken, so whoever holds
/// it looks at ``isGood(at:)`` before each use, which costs two comparisons.
///
/// Confined to the loop whose ``AccessTable`` made it.
package final class ChannelGrant {
    package let identity: ThingIdentity
    package let channel: ChannelID
    package internal(set) var isLive = true
    /// Nanoseconds of the loop's clock after which it must be asked for again.
    let goodUntil: UInt64

    init(identity: ThingIdentity, channel: ChannelID, goodUntil: UInt64) {
        self.identity = identity
        self.channel = channel
        self.goodUntil = goodUntil
    }

    @inlinable
    package func isGood(at now: UInt64) -> Bool { isLive && now < deadline }

    @usableFromInline var deadline: UInt64 { goodUntil }
}

/// Whose a key is, as an event loop knows it; dies like a ``ChannelGrant``.
package final class KnownKey {
    package let identity: ThingIdentity
    let key: ThingKey
    package internal(set) var isLive = true
    let goodUntil: UInt64

    init(identity: ThingIdentity, key: ThingKey, goodUntil: UInt64) {
        self.identity = identity
        self.key = key
        self.goodUntil = goodUntil
    }

    package func isGood(at now: UInt64) -> Bool { isLive && now < goodUntil }
}

/// A key and what its thing may use, both alive when it was made.
package struct Admission {
    package let key: KnownKey
    package let grant: ChannelGrant
}
