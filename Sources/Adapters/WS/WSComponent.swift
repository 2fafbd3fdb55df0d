internal import AdapterTransport
internal import AdaptersCore
internal import Messaging
internal import Model
internal import NIOCore
internal import NIOWebSocket

/// The WebSockets of one event loop, and who of them wants what.
final class WSComponent: LoopComponent {
    let loop: AdapterLoop
    let maximumMessage: Int
    /// Most bytes that wait for one client.
    let maximumQueue: Int
    /// Nanoseconds of silence before a ping.
    let pingInterval: UInt64
    /// Nanoseconds without a message; nil: as many as it likes.
    let idleTimeout: UInt64?

    private var subscriptions = SubscriptionTrie<WSConnection>()
    private var matches = MatchCache<Topic, [WSConnection]>()
    private var sessions = LiveSessions<WSConnection>()
    private var subscribed: Set<ObjectIdentifier> = []
    private var toWrite: [WSConnection] = []

    init(loop: AdapterLoop, limits: WSLimits) {
        self.loop = loop
        self.maximumMessage = limits.maximumMessage
        self.maximumQueue = limits.maximumQueue
        self.pingInterval = limits.pingInterval
        self.idleTimeout = limits.idleTimeout
    }

    var connectionCount: Int { sessions.count }

    // MARK: Connections

    /// Answers whether the tenant may have it.
    func opened(_ connection: WSConnection) -> Bool {
        connection.isCounted = loop.tenants.take(.connection, of: connection.tenant)
        if connection.isCounted, !loop.tenants.take(.subscription, of: connection.tenant) {
            connection.isCounted = false
            loop.tenants.release(.connection, of: connection.tenant)
        }
        sessions.insert(connection, of: connection.thing)
        connection.admission.hold(at: loop.now)
        subscribed.insert(ObjectIdentifier(connection))
        subscriptions.insert(
            connection,
            of: ObjectIdentifier(connection),
            to: connection.channelID,
            connection.filter
        )
        loop.interest.add(connection.channelID)
        loop.counters.connectionsWS.add()
        return connection.isCounted
    }

    func closed(_ connection: WSConnection) {
        unsubscribe(connection)
        guard sessions.remove(connection, of: connection.thing) else { return }
        connection.admission.release()
        if connection.isCounted {
            loop.tenants.release(.connection, of: connection.tenant)
            loop.tenants.release(.subscription, of: connection.tenant)
        }
        loop.counters.connectionsWS.add(-1)
    }

    func unsubscribe(_ connection: WSConnection) {
        guard subscribed.remove(ObjectIdentifier(connection)) != nil else { return }
        subscriptions.remove(ObjectIdentifier(connection), from: connection.channelID, connection.filter)
        loop.interest.remove(connection.channelID)
    }

    func hasToWrite(_ connection: WSConnection) {
        toWrite.append(connection)
        loop.scheduleTurnEnd()
    }

    // MARK: LoopComponent

    func deliver(_ message: Message) {
        guard !subscriptions.isEmpty else { return }
        let topic = message.topic
        let receivers = matches.matches(of: topic, hash: topic.hash, generation: subscriptions.generation) {
            var found: [WSConnection] = []
            subscriptions.forEachMatch(topic.channel, topic.subtopic) { found.append($0) }
            return found
        }
        guard !receivers.isEmpty else { return }
        var frame = ByteBuffer()
        frame.reserveCapacity(message.payload.readableBytes + WebSocketFrames.maximumHeader)
        WebSocketFrames.append(message.frameType, message.payload, to: &frame)
        for receiver in receivers where message.isMeant(forSubscriptionOf: receiver.since) {
            if receiver.deliver(frame) { loop.counters.deliveredWS.add() } else { loop.counters.droppedWS.add() }
            if message.qos > 0, receiver.isBehind { loop.isBehind(receiver, with: topic.channel) }
        }
    }

    func turnEnded() {
        let writers = toWrite
        toWrite.removeAll(keepingCapacity: true)
        for connection in writers { connection.write() }
    }

    func apply(_ event: AccessEvent, _ reason: AccessLoss) {
        for connection in touched(by: event) {
            switch reason {
            case .taken: connection.close(.policyViolation, .rightTaken)
            case .unconfirmed: connection.close(.tryAgainLater, .unavailable)
            }
        }
    }

    private func touched(by event: AccessEvent) -> [WSConnection] {
        switch event {
        case .thingRemoved(let thing), .keyChanged(let thing): sessions.sessions(of: thing)
        case .disconnected(let thing, let channel): sessions.sessions(of: thing).filter { $0.channelID == channel }
        case .channelRemoved(let channel): sessions.all.filter { $0.channelID == channel }
        case .tenantRemoved(let tenant): sessions.all.filter { $0.tenant == tenant }
        }
    }

    func sweep(at now: UInt64) {
        for connection in sessions.all { connection.sweep(at: now) }
    }

    func shutDown() {
        for connection in sessions.all { connection.close(.goingAway, nil) }
    }
}

extension Message {
    /// CBOR is binary, everything else text (contract section 4.2), unless it can't be text (RFC 6455 section 5.6).
    fileprivate var frameType: WebSocketOpcode {
        topic.contentType == "application/senml+cbor" || !payload.readableBytesView.isUTF8 ? .binary : .text
    }
}
