package import Model
package import NIOCore

/// How a message came in; the raw value is what the bus carries (contract section 5.2).
package enum SourceProtocol: String, Sendable, CaseIterable {
    case http, ws, mqtt
}

/// What a client asks to have published.
package struct PublishRequest: Sendable {
    package let topic: Topic
    package let payload: ByteBuffer
    package let source: SourceProtocol
    /// 0, 1 or 2; what comes over HTTP and WebSockets counts as 1.
    package let qos: UInt8
    /// The MQTT connection that it came from, as ``Message/origin``.
    package let origin: UInt64
    /// Whether it is to be kept for later subscribers.
    package let retain: Bool
    /// Which message of QoS 2 of a session that outlives its connections it is, as ``Message/exchange``.
    package let exchange: UInt64
    package let properties: MessageProperties?
    package let trace: TraceContext?

    package init(
        topic: Topic,
        payload: ByteBuffer,
        source: SourceProtocol,
        qos: UInt8,
        origin: UInt64 = 0,
        retain: Bool = false,
        exchange: UInt64 = 0,
        properties: MessageProperties? = nil,
        trace: TraceContext? = nil
    ) {
        self.properties = properties
        self.trace = trace
        self.topic = topic
        self.payload = payload
        self.source = source
        self.qos = qos
        self.origin = origin
        self.retain = retain
        self.exchange = exchange
    }
}

/// A message that may be delivered: it can only be made from a grant, and a grant only by access control; or it comes from
/// the bus, where another process put it on a grant.
package struct Message: Sendable {
    package let topic: Topic
    package let payload: ByteBuffer
    package let publisher: Thing.ID
    /// Nanoseconds since 1970.
    package let created: UInt64
    package let source: SourceProtocol
    package let qos: UInt8
    /// Which connection of this process it came from, or which session that outlives its connections, for subscribers that don't
    /// want their own; 0 for none.
    package let origin: UInt64
    /// Whether its publisher wanted it kept for later subscribers.
    package let retain: Bool
    /// Which of the messages of QoS 2 of its ``origin`` it is, so that one that is stored isn't taken again after a crash: the
    /// number of the exchange × 65,536 + its packet identifier; 0 for none.
    package let exchange: UInt64
    /// What its publisher said of it over MQTT 5.
    package let properties: MessageProperties?
    /// What its publisher said of the trace it belongs to.
    package let trace: TraceContext?
    /// Whether it comes out of the bus's store, since it was lost on its way here or had to wait.
    package var isLate = false
    /// Where it stands in a ``MessageLog``; 0 if it doesn't come out of one.
    package var place: UInt64 = 0

    /// Nil if the grant is for another channel or no longer good.
    package init?(_ request: PublishRequest, by grant: ChannelGrant, at created: UInt64) {
        guard grant.isLive, grant.channel == request.topic.channel else { return nil }
        self.topic = request.topic
        self.payload = request.payload
        self.publisher = grant.identity.thing
        self.created = created
        self.source = request.source
        self.qos = request.qos
        self.origin = request.origin
        self.retain = request.retain
        self.exchange = request.exchange
        self.properties = request.properties
        self.trace = request.trace
    }

    /// What another process published.
    init(
        fromBus topic: Topic,
        payload: ByteBuffer,
        publisher: Thing.ID,
        created: UInt64,
        source: SourceProtocol,
        qos: UInt8,
        origin: UInt64,
        retain: Bool,
        exchange: UInt64,
        properties: MessageProperties?,
        trace: TraceContext?
    ) {
        self.properties = properties
        self.trace = trace
        self.topic = topic
        self.payload = payload
        self.publisher = publisher
        self.created = created
        self.source = source
        self.qos = qos
        self.origin = origin
        self.retain = retain
        self.exchange = exchange
    }

    /// About as many bytes as it takes while it waits.
    package var size: Int { payload.readableBytes + 128 + (properties?.size ?? 0) }

    /// From here on origins are sessions, whose messages are known as theirs after a restart.
    package static let firstKeptOrigin: UInt64 = 1 << 63

    /// How far the clocks of two machines may be apart.
    private static let clockTolerance: UInt64 = 1_000_000_000

    /// Whether it is meant for a subscription that was made then, in nanoseconds since 1970: a late message isn't, if it was
    /// published before.
    package func isMeant(forSubscriptionOf time: UInt64) -> Bool {
        !isLate || time <= created || time - created <= Self.clockTolerance
    }
}
