package import MQTTSession
package import Messaging
package import Model

/// A client identifier belongs to the thing that uses it: another thing with the same one is another client.
package struct MQTTClient: Hashable, Sendable {
    package let thing: Thing.ID
    package let clientID: ExactText

    package init(thing: Thing.ID, clientID: ExactText) {
        self.thing = thing
        self.clientID = clientID
    }
}

/// A session as it is kept while its client is away, and as far as it must be known after a crash while it is there.
package struct SessionRecord: Equatable, Sendable {
    package let client: MQTTClient
    package let tenant: Tenant.ID
    /// What its messages are known by, for subscriptions that don't want their own: ``Message/origin``.
    package let origin: UInt64
    package var subscriptions: [KeptSubscription] = []
    package var session: KeptSession
    /// Seconds that it outlives its connection; `.max`: for ever.
    package var expiry: UInt32
    /// What isn't known to be stored of its client's messages of QoS 2 stands behind this place of the log.
    package var place: UInt64 = 0
    /// Whether who had it is gone without having given it back.
    package var isTorn = false

    package init(client: MQTTClient, tenant: Tenant.ID, origin: UInt64, session: KeptSession, expiry: UInt32) {
        self.expiry = expiry
        self.client = client
        self.tenant = tenant
        self.origin = origin
        self.session = session
    }
}

extension SessionRecord {
    /// The channels whose messages it reads from the log.
    package var loggedChannels: Set<ChannelID> {
        Set(subscriptions.lazy.filter { $0.qos > 0 && $0.share == nil }.map(\.filter.channel))
    }

    /// Its groups, and up to where each had come.
    package var groups: [SharedGroup: UInt64] {
        subscriptions.reduce(into: [:]) { groups, each in
            if let share = each.share { groups[SharedGroup(name: share, filter: each.filter)] = each.from }
        }
    }

    /// When it is over if its connection ends now, in nanoseconds since 1970; `.max`: never.
    package func end(at now: UInt64) -> UInt64 { expiry == .max ? .max : now &+ UInt64(expiry) * 1_000_000_000 }

    /// With a message of QoS 2 more that was stored when its client had gone.
    func received(_ id: UInt16) -> SessionRecord {
        var record = self
        record.session.received(id)
        return record
    }
}

extension KeptSession.Exchange {
    /// As ``Message/exchange``.
    package var packed: UInt64 { number << 16 | UInt64(packetID) }

    package init(packed: UInt64) {
        self.init(number: packed >> 16, packetID: UInt16(truncatingIfNeeded: packed))
    }
}

/// A filter of a session.
package struct KeptSubscription: Equatable, Sendable {
    package let filter: TopicFilter
    /// The name that it is shared under, if it is.
    package let share: ExactText?
    /// As the client wrote it.
    package let text: String
    package let qos: UInt8
    package let noLocal: Bool
    package let retainAsPublished: Bool
    package let identifier: UInt32?
    /// What stands in the log up to this place was published before the client subscribed; of a shared one it is done with.
    package let from: UInt64
    /// What the client hasn't been sent yet of what was retained before it subscribed.
    package var retained: RetainedRange?

    package init(
        filter: TopicFilter,
        share: ExactText? = nil,
        text: String,
        qos: UInt8,
        noLocal: Bool,
        retainAsPublished: Bool,
        identifier: UInt32?,
        from: UInt64
    ) {
        self.retainAsPublished = retainAsPublished
        self.filter = filter
        self.share = share
        self.text = text
        self.qos = qos
        self.noLocal = noLocal
        self.identifier = identifier
        self.from = from
    }
}
