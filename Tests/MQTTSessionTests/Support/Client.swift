import MQTTCodec
import MQTTSession
import NIOCore

/// A session with a clock that the test turns; each event gives back its own actions.
final class Client {
    private(set) var session: ClientSession
    private(set) var now = NIODeadline.uptimeNanoseconds(1_000_000_000)

    var phase: ClientSession.Phase { session.phase }
    var version: MQTTVersion { session.version }
    var queuedMessages: Int { session.queuedMessages }
    var messagesInFlight: Int { session.messagesInFlight }

    /// Time until the session's deadline.
    var wait: TimeAmount? { session.deadline.map { $0 - now } }

    init(_ settings: SessionSettings = SessionSettings()) {
        session = ClientSession(settings: settings, at: now)
    }

    /// A client that has its CONNACK.
    static func connected(
        _ version: MQTTVersion = .v5,
        settings: SessionSettings = SessionSettings(),
        keepAlive: UInt16 = 0,
        will: Will? = nil,
        properties: MQTTProperties = []
    ) -> Client {
        let client = Client(settings)
        _ = client.connect(
            Connect(version: version, clientID: "c", keepAlive: keepAlive, will: will, properties: properties)
        )
        _ = client.authenticated(.accepted(clientID: "c"))
        return client
    }

    private func actions(_ event: (inout ClientSession, inout [SessionAction]) -> Void) -> [SessionAction] {
        var actions: [SessionAction] = []
        event(&session, &actions)
        return actions
    }

    func receive(_ packet: MQTTPacket) -> [SessionAction] {
        actions { $0.received(packet, at: now, into: &$1) }
    }

    func connect(_ connect: Connect) -> [SessionAction] { receive(.connect(connect)) }

    func authenticated(_ outcome: AuthenticationOutcome) -> [SessionAction] {
        actions { $0.authenticated(outcome, at: now, into: &$1) }
    }

    func publishCompleted(_ outcome: PublishOutcome, qos: MQTTQoS, id: UInt16 = 0) -> [SessionAction] {
        actions { $0.publishCompleted(outcome, qos: qos, packetID: id, into: &$1) }
    }

    func subscribeCompleted(id: UInt16, _ codes: [MQTTReasonCode]) -> [SessionAction] {
        actions { $0.subscribeCompleted(packetID: id, codes: codes, into: &$1) }
    }

    func unsubscribeCompleted(id: UInt16, _ codes: [MQTTReasonCode]) -> [SessionAction] {
        actions { $0.unsubscribeCompleted(packetID: id, codes: codes, into: &$1) }
    }

    func deliver(_ publish: Publish, expires: TimeAmount? = nil) -> (result: DeliveryResult, actions: [SessionAction]) {
        var result = DeliveryResult.sent
        let interval = expires ?? publish.properties.messageExpiryInterval.map { .seconds(Int64($0)) }
        let actions = actions { result = $0.deliver(publish, expires: interval.map { now + $0 }, into: &$1) }
        return (result, actions)
    }

    /// A message of the log.
    func deliver(
        _ publish: Publish,
        at place: UInt64,
        isExpired: Bool = false
    ) -> (result: LogDelivery, actions: [SessionAction]) {
        var result = LogDelivery.passed
        let actions = actions { result = $0.deliver(publish, at: place, isExpired: isExpired, into: &$1) }
        return (result, actions)
    }

    /// A message that was retained.
    func deliver(_ publish: Publish, retainedAt place: UInt64) -> (result: LogDelivery, actions: [SessionAction]) {
        var result = LogDelivery.passed
        let actions = actions { result = $0.deliver(publish, retainedAt: place, into: &$1) }
        return (result, actions)
    }

    var kept: KeptSession? { session.kept }
    var left: KeptSession? { session.left }
    var position: UInt64 { session.logPosition }

    /// Whether what has happened must be kept before the client hears of it; asks once.
    func mustBeKept() -> Bool {
        defer { session.mustBeKept = false }
        return session.mustBeKept
    }

    func passed(_ place: UInt64) { session.passed(place) }

    var unsent: [UInt64] { session.unsent }

    /// A message that was in flight on an earlier connection.
    func resume(_ publish: Publish?, at place: UInt64) -> (result: LogDelivery, actions: [SessionAction]) {
        var result = LogDelivery.passed
        let actions = actions { result = $0.resume(publish, at: place, into: &$1) }
        return (result, actions)
    }

    func exchange(of id: UInt16) -> KeptSession.Exchange? { session.exchange(of: id) }

    func takeExpiredMessages() -> Int { session.takeExpiredMessages() }

    func fail(_ error: MQTTCodecError, version: MQTTVersion? = nil) -> [SessionAction] {
        actions { $0.failed(error, version: version, into: &$1) }
    }

    func close(_ code: MQTTReasonCode) -> [SessionAction] { actions { $0.close(code, into: &$1) } }

    func loseConnection() -> [SessionAction] { actions { $0.connectionClosed(into: &$1) } }

    func pauseReading() { session.readingPaused() }

    func resumeReading() { session.readingResumed(at: now) }

    /// Lets time pass, and then fires the timer.
    func pass(_ time: TimeAmount) -> [SessionAction] {
        now = now + time
        return actions { $0.timerFired(at: now, into: &$1) }
    }
}

extension Publish {
    static func sample(
        _ qos: MQTTQoS,
        id: UInt16 = 0,
        dup: Bool = false,
        topic: String = "t",
        payload: String = "p",
        properties: MQTTProperties = []
    ) -> Publish {
        Publish(
            topic: ByteBuffer(string: topic),
            payload: ByteBuffer(string: payload),
            qos: qos,
            dup: dup,
            packetID: id,
            properties: properties
        )
    }
}

extension Will {
    static let sample = Will(topic: "w", payload: ByteBuffer(string: "gone"), qos: .atLeastOnce)
}

extension [SessionAction] {
    /// The packets among the actions.
    var sent: [MQTTPacket] { compactMap { if case .send(let packet) = $0 { packet } else { nil } } }

    /// The messages that were sent.
    var messages: [Publish] { sent.compactMap { if case .publish(let publish) = $0 { publish } else { nil } } }

    /// The end, if there is one.
    var end: SessionEnd? {
        if case .close(let end) = last { end } else { nil }
    }
}
