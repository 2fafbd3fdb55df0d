internal import AdapterTransport
internal import AdaptersCore
internal import DequeModule
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

/// One MQTT connection: bytes to packets, packets to the session, and what the session decides to acts.
///
/// While something is awaited (an access decision, another loop that is behind) nothing is decoded and nothing more is
/// read, so the client's messages stay in order. Confined to its loop.
final class MQTTConnection: ChannelDuplexHandler, Subscriber {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let component: MQTTComponent
    let peer: ConnectionPeer
    /// Whether the stream travels in something that has an end of its own.
    private let isFramed: Bool
    var loop: AdapterLoop { component.loop }
    /// The loop's clock, as the session reads it.
    var now: NIODeadline { .uptimeNanoseconds(loop.now) }
    /// Which connection a message came from, for those who don't want their own.
    var origin: UInt64 = 0

    // Unchecked is what is looked at for every message: values whose methods call nobody back, so that no access begins within another.
    @exclusivity(unchecked) var session: ClientSession
    /// What it lives by, once it has logged in.
    @exclusivity(unchecked) var key: KnownKey?
    var identity: ThingIdentity? { key?.identity }
    /// As which client it is known, while it is.
    var registration: ClientRegistry.Registration?
    /// What it has of a session that outlives it.
    @exclusivity(unchecked) var hold: SessionHold?
    var subscriptions: [TopicFilter: MQTTSubscription] = [:]
    var sharedSubscriptions: [SharedGroup: SharedSubscription] = [:]
    var lastShared: UInt64 = 0
    @exclusivity(unchecked) var routes = RouteCache()
    /// Messages of QoS 1 and 2 whose storage is awaited, and what came behind them.
    @exclusivity(unchecked) var unsettledPublishes: Deque<UnsettledPublish> = []
    var isWaitingForStorage = false
    var isWaitingForRoom = false
    /// The subscriptions of a SUBSCRIBE that is being decided which are to be sent retained messages.
    @exclusivity(unchecked) var wantingRetained: [MQTTSubscription] = []
    @exclusivity(unchecked) var passedRetained = PassedRetained()
    @exclusivity(unchecked) var context: ChannelHandlerContext?

    @exclusivity(unchecked) private var decoder: MQTTDecoder
    @exclusivity(unchecked) private(set) var unread = ByteBuffer()
    /// How many things are awaited before more is decoded and read.
    @exclusivity(unchecked) private var waits = 0
    private var isWaiting: Bool { waits > 0 }
    private var readIsDue = false
    private var hasHeardAll = false
    @exclusivity(unchecked) private var actions: [SessionAction] = []
    @exclusivity(unchecked) private var isPerforming = false
    @exclusivity(unchecked) private var outbound: OutboundQueue
    /// The loop's clock at which what is left of a closing connection goes.
    private var lingersUntil: NIODeadline?
    var refusal: Refusal?
    @exclusivity(unchecked) var idleness: Idleness
    @exclusivity(unchecked) var pace: PublishPace

    init(component: MQTTComponent, peer: ConnectionPeer, isFramed: Bool = false) {
        self.isFramed = isFramed
        self.component = component
        self.peer = peer
        self.session = ClientSession(settings: component.settings, at: .uptimeNanoseconds(component.loop.now))
        self.decoder = MQTTDecoder(maximumPacketSize: MQTTLimits.maximumConnect)
        self.outbound = OutboundQueue(limit: component.limits.maximumQueue)
        self.idleness = Idleness(limit: component.limits.idleTimeout, at: component.loop.now)
        self.pace = PublishPace(on: component.loop)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        origin = component.opened(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        gone()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        gone()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if unread.readableBytes == 0 {
            unread = bytes
        } else {
            // What was decoded goes first: a buffer that is never quite empty would grow for ever.
            if unread.readerIndex > 0 { unread.discardReadBytes() }
            unread.writeBuffer(&bytes)
        }
        decode()
    }

    func read(context: ChannelHandlerContext) {
        readIsDue = true
        readOn()
    }

    /// Reads, if that is asked for and nothing speaks against it.
    private func readOn() {
        guard readIsDue, !isWaiting, !outbound.isOverfull, let context else { return }
        readIsDue = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        write()
        context.fireChannelWritabilityChanged()
    }

    /// The client has sent its FIN. What it sent before still counts: a client may publish and leave at once.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        hasHeardAll = true
        endIfDone()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: In

    private func decode() {
        let now = now
        while !isWaiting, session.phase != .closed {
            do throws(MQTTCodecError) {
                guard let packet = try decoder.next(in: &unread) else { break }
                session.received(packet, at: now, into: &actions)
            } catch {
                session.failed(error, version: decoder.version, into: &actions)
            }
            perform()
        }
        if session.phase == .closed || unread.readableBytes == 0 { unread = ByteBuffer() }
        // What was acknowledged has made room.
        takeMore()
    }

    /// Has what waits elsewhere brought, if there is room for it.
    func takeMore() {
        if !passedRetained.reads.isEmpty { readRetained() }
        if hold != nil { readLog() }
        if !sharedSubscriptions.isEmpty { askShared() }
    }

    /// Stops decoding and reading until ``goOn()``.
    func wait() {
        waits += 1
        if waits == 1 { session.readingPaused() }
    }

    /// Goes on where ``wait()`` stopped, once for each of its calls. Called when an answer came, maybe while the client's packet is still being worked
    /// on: then the decoder's loop goes on by itself.
    func goOn() {
        guard isWaiting else { return }
        waits -= 1
        guard !isWaiting else { return }
        session.readingResumed(at: now)
        perform()
        guard !isPerforming else { return }
        decode()
        endIfDone()
        readOn()
    }

    func endIfDone() {
        guard hasHeardAll, !isWaiting, unsettledPublishes.isEmpty, !keepsFirst(), let context else { return }
        context.channel.send(outbound.rest())
        context.close(promise: nil)
    }

    // MARK: Actions

    /// Feeds the session and does what it says.
    func feed(_ event: (inout ClientSession, inout [SessionAction]) -> Void) {
        event(&session, &actions)
        perform()
    }

    private func perform() {
        guard !isPerforming, !actions.isEmpty else { return }
        isPerforming = true
        var next = 0
        while next < actions.count {
            // Taken out, not copied; what stands there instead is never looked at.
            let action = exchange(&actions[next], with: .send(.pingresp))
            next += 1
            perform(action)
        }
        actions.removeAll(keepingCapacity: session.phase == .connected)
        isPerforming = false
        if session.expiredMessages > 0 { loop.counters.expired.add(session.takeExpiredMessages()) }
    }

    private func perform(_ action: SessionAction) {
        switch action {
        case .publish(let publish): self.publish(publish)
        case .send(let packet): send(packet)
        case .authenticate(let connect): authenticate(connect)
        case .subscribe(let subscribe): self.subscribe(subscribe)
        case .unsubscribe(let unsubscribe): self.unsubscribe(unsubscribe)
        case .settled(let place): settled(place)
        case .publishWill(let will): publish(will)
        case .close(let reason): close(reason)
        }
    }

    /// The client may send longer packets now that it is known.
    func liftLimit() {
        decoder.maximumPacketSize = component.settings.maximumPacketSize
    }

    // MARK: Out

    /// Sends a message, or lets it wait. False if the client's queue is full: then it is dropped for this client.
    func deliver(_ packets: inout OutgoingPackets, _ delivery: MQTTDelivery) -> Bool {
        guard session.phase == .connected else { return true }
        idleness.carried()
        if packets.message.retain, passedRetained.hasSent(packets.message) { return true }
        let isTaken = deliverNow(&packets, delivery)
        if isTaken { passedRetained.passed(packets.message, isWanting: !wantingRetained.isEmpty) }
        return isTaken
    }

    private func deliverNow(_ packets: inout OutgoingPackets, _ delivery: MQTTDelivery) -> Bool {
        let qos = packets.qos(delivery)
        guard qos == .atMostOnce else {
            return deliver(packets.kept(delivery, qos: qos, version: session.version), of: packets.message)
        }
        if session.setsTopicAliases || !delivery.identifiers.isEmpty {
            return deliverAtMostOnce(packets.own(delivery, version: session.version))
        }
        let (version, longest) = (session.version, session.clientMaximumPacketSize)
        guard packets.append(delivery, version: version, longest: longest, to: &outbound) else { return false }
        list()
        return true
    }

    /// Sends a PUBLISH of QoS 1 or 2, or lets it wait.
    func deliver(_ publish: Publish, of message: Message) -> Bool {
        let expires = message.properties?.expires.map { NIODeadline.uptimeNanoseconds(loop.time(of: $0)) }
        let result = session.deliver(publish, expires: expires, into: &actions)
        perform()
        if case .dropped = result { return false }
        return true
    }

    func deliverAtMostOnce(_ publish: Publish) -> Bool {
        let length = Publish.encodedLength(
            topicLength: publish.topic.readableBytes,
            payloadLength: publish.payload.readableBytes,
            qos: publish.qos,
            version: session.version,
            properties: publish.properties
        )
        guard outbound.hasRoom(for: length) else { return false }
        let result = session.deliver(publish, into: &actions)
        perform()
        return result == .sent
    }

    /// Not while it waits for others like itself: then nobody reads its acknowledgements.
    var isBehind: Bool {
        session.phase == .connected && (outbound.isHalfFull || (!isWaitingForRoom && session.isQueueQuarterFull))
    }

    private func send(_ packet: MQTTPacket) {
        let version = session.version
        write(version == .v5 ? session.explained(packet) : packet, version)
    }

    private func write(_ packet: MQTTPacket, _ version: MQTTVersion) {
        outbound.append { buffer in
            // What the session sends is bounded by its window; a packet that can't be encoded is a bug of ours.
            do { try packet.encode(into: &buffer, version: version) } catch { assertionFailure("\(error)") }
        }
        list()
    }

    private func list() {
        guard !outbound.isListed else { return }
        outbound.isListed = true
        component.hasToWrite(self)
    }

    func write() {
        outbound.isListed = false
        guard let context, !keepsFirst() else { return }
        context.channel.send(outbound.next(for: context.channel))
        readOn()
        takeMore()
    }

    var isQueueHalfFull: Bool { outbound.isHalfFull }

    /// What waits to be written.
    func takeOutbound() -> ByteBuffer? { outbound.rest() }

    // MARK: The end

    /// Ends the connection from our side; MQTT 5 clients are told why.
    func end(_ code: MQTTReasonCode, _ reason: Refusal?) {
        refusal = refusal ?? reason
        feed { session, actions in session.close(code, into: &actions) }
    }

    /// Ends it if it has lasted as long as it may.
    func endIfOver(at now: UInt64) {
        guard lingersUntil == nil else { return }
        // Before login another time runs.
        let isIdle = session.phase == .connected && idleness.isOver(at: now)
        guard let over = peer.end(at: now) ?? (isIdle ? .idle : nil) else { return }
        switch over {
        case .revoked, .expired: end(.notAuthorized, over.refusal)
        case .lifetime: end(.maximumConnectTime, over.refusal)
        // Its keep-alive may be all right: it isn't the client's silence, it is our rule.
        case .idle: end(.administrativeAction, over.refusal)
        }
    }

    func takenOver() { end(.sessionTakenOver, .takenOver) }

    func timedOut(at now: NIODeadline) {
        if lingersUntil != nil {
            context?.close(promise: nil)
        } else {
            feed { session, actions in session.timerFired(at: now, into: &actions) }
        }
    }

    func isDue(at now: NIODeadline) -> Bool {
        if let lingersUntil { return lingersUntil < now }
        return session.deadline.map { $0 < now } ?? false
    }

    /// Writes what is queued and our FIN; the rest goes when the client's FIN comes, or a moment later. A reset at once
    /// could overtake the packet that says why.
    private func close(_ reason: SessionEnd) {
        if let refusal = refusal ?? reason.refusal { peer.refused(refusal, .mqtt) }
        let isOver = if case .disconnected = reason { true } else { false }
        leave { self.sayGoodbye(isOver: isOver) }
        guard context != nil, !hasHeardAll else { return }
        lingersUntil = now + .seconds(1)
        waits = 0
        unread = ByteBuffer()
        readOn()
    }

    /// - Parameter isOver: whether the client sends nothing more [MQTT-3.14.4-1].
    private func sayGoodbye(isOver: Bool) {
        guard let context else { return }
        let rest = outbound.rest()
        context.channel.send(rest)
        let isHeard = isOver && !isFramed && rest == nil && context.channel.hasWrittenAll
        guard !hasHeardAll, !isHeard else { return context.close(promise: nil) }
        context.channel.close(mode: .output, promise: nil)
    }

    private func gone() {
        feed { session, actions in session.connectionClosed(into: &actions) }
        leave { self.component.closed(self) }
    }

    private func leave(then: @escaping () -> Void) {
        let isKept = hold != nil
        if isKept { leaveSession(then) } else { unsettledPublishes = [] }
        for subscription in subscriptions.values { component.unsubscribe(subscription) }
        subscriptions = [:]
        let expiry = (hold?.left ?? nil)?.expiry ?? 0
        for group in Array(sharedSubscriptions.keys) { endShare(group, keptFor: expiry) }
        routes = RouteCache()
        if let registration { component.registry.leave(registration) }
        registration = nil
        if let key { component.loggedOut(self, key) }
        key = nil
        if !isKept { then() }
    }
}

extension SessionEnd {
    /// What the end counts as, if the client was at fault.
    fileprivate var refusal: Refusal? {
        switch self {
        case .disconnected, .byServer, .connectionLost: nil
        case .refused(.serverUnavailable): .unavailable
        case .refused(.clientIdentifierNotValid), .refused(.badAuthenticationMethod): .badRequest
        case .refused(.topicNameInvalid): .badTopic
        case .refused: .notAuthorized
        case .malformed(.packetTooLarge): .tooLarge
        case .malformed(.unsupportedProtocolLevel), .malformed(.unsupportedProtocolName): .unsupportedVersion
        case .malformed: .malformed
        case .violation(.packetTooLarge): .tooLarge
        case .violation: .protocolError
        case .publishRefused(.notAuthorized): .notAuthorized
        case .publishRefused(.topicNameInvalid): .badTopic
        case .publishRefused: .unavailable
        case .connectTimeout, .keepAliveTimeout: .timeout
        }
    }
}
