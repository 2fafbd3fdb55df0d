internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

/// What a connection has of a kept session: that is this connection's until it is given back. Confined to its loop.
final class SessionHold {
    let keeping: SessionKeeping
    let client: MQTTClient
    let tenant: Tenant.ID
    /// As it was when it was taken, until the client has its CONNACK; nil if it was made then.
    var former: SessionRecord?
    /// What the session's own messages are known by. One of a connection has its first bit off.
    let origin: UInt64
    /// Whether what the log gets is given on as it comes: all before it has been.
    var isLive = false
    /// The last place of the log that something came from for it and wasn't given on.
    private(set) var lastMissed: UInt64 = 0
    /// See ``SessionRecord/place``.
    var place: UInt64
    /// What is being read from the log is for the subscriptions as they were then.
    var isReading = false
    var isReadingStale = false
    /// Messages, and bytes, that have come out of the log of those that waited in it at one moment, and where it ended then.
    var backlog = (messages: 0, bytes: 0)
    private var backlogEnd: UInt64 = 0
    /// What has been said to the client, and goes out when that is kept.
    var heldBack: ByteBuffer?
    var isKeeping = false
    /// The loop's clock then.
    var lastKept: UInt64 = 0
    /// What the connection has left, when it is over; nil in it: nothing.
    var left: SessionRecord??
    var isGivenBack = false
    /// What follows when the session is given back.
    var whenGivenBack: () -> Void = {}

    init(_ keeping: SessionKeeping, _ client: MQTTClient, _ tenant: Tenant.ID, former: SessionRecord?) {
        self.keeping = keeping
        self.client = client
        self.tenant = tenant
        self.former = former
        self.place = former?.place ?? keeping.log.newest
        self.origin = former?.origin ?? .random(in: Message.firstKeptOrigin ... .max)
    }

    /// What stands there has to be read.
    func missed(_ place: UInt64) {
        isLive = false
        lastMissed = max(lastMissed, place)
    }

    /// The client has been sent what is for it up to a place.
    func passed(_ place: UInt64, newest: UInt64) {
        if place >= backlogEnd { (backlog, backlogEnd) = ((0, 0), newest) }
    }

    func record(_ session: KeptSession, _ subscriptions: [KeptSubscription], expiry: UInt32) -> SessionRecord {
        var record = SessionRecord(client: client, tenant: tenant, origin: origin, session: session, expiry: expiry)
        record.subscriptions = subscriptions
        if session.routing.isEmpty, session.unknown == nil { place = keeping.log.newest }
        record.place = place
        return record
    }
}

/// A place of the log for a session: a message that overlapping filters want under its plain and its typed name comes twice.
enum SessionPlace {
    static func of(_ place: UInt64, isTyped: Bool) -> UInt64 { place << 1 | (isTyped ? 1 : 0) }

    /// One of the retained messages'.
    static func retained(_ place: UInt64, isTyped: Bool) -> UInt64 {
        KeptSession.firstRetained | of(place, isTyped: isTyped)
    }

    /// Where the log, or what is retained, has it.
    static func stored(_ place: UInt64) -> UInt64 { (place & ~KeptSession.firstRetained) >> 1 }

    static func isTyped(_ place: UInt64) -> Bool { place & 1 == 1 }

    /// All up to a place of the log.
    static func end(of place: UInt64) -> UInt64 { of(place, isTyped: true) }

    /// Up to where the log has been read: one that has come under its plain name may still come under the other.
    static func read(_ place: UInt64) -> UInt64 {
        let isWhole = place & 1 == 1
        return place >> 1 - (isWhole ? 0 : min(1, place >> 1))
    }
}
