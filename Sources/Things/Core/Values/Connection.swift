package import Model

/// The right of a thing to publish to and receive from a channel of the same owner.
package struct Connection: Sendable, Hashable {
    package let thing: Thing.ID
    package let channel: Channel.ID

    package init(thing: Thing.ID, channel: Channel.ID) {
        self.thing = thing
        self.channel = channel
    }
}

/// Every one of some things with every one of some channels; naming one twice says nothing more.
package struct Connections: Sendable, Equatable {
    /// Bounds the work of one transaction, which keeps other writers waiting.
    package static let maximumCount = 100_000

    package let things: [Thing.ID]
    package let channels: [Channel.ID]

    /// Throws ``ThingsError/malformed(_:)`` if they are more than ``maximumCount``.
    package init(things: [Thing.ID], channels: [Channel.ID]) throws(ThingsError) {
        self.things = Set(things).sorted()
        self.channels = Set(channels).sorted()
        let (count, overflow) = self.things.count.multipliedReportingOverflow(by: self.channels.count)
        guard !overflow, count <= Self.maximumCount else {
            throw .malformed("more than \(Self.maximumCount) connections at once")
        }
    }

    package init(thing: Thing.ID, channel: Channel.ID) {
        self.things = [thing]
        self.channels = [channel]
    }

    package var count: Int { things.count * channels.count }

    /// Each pair, channel by channel.
    package var pairs: [Connection] {
        channels.flatMap { channel in things.map { Connection(thing: $0, channel: channel) } }
    }
}
