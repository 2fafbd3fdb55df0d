internal import AdapterTransport
internal import AdaptersCore
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

/// The MQTT connections of one event loop, and who of them wants what.
final class MQTTComponent: LoopComponent {
    let loop: AdapterLoop
    let limits: MQTTLimits
    let settings: SessionSettings
    let registry: ClientRegistry
    /// Nil if no session outlives its connection.
    let keeping: SessionKeeping?
    /// Nil if there are no shared subscriptions.
    let shared: (any SharedMessages)?
    /// The newest place of the log that this loop has heard of.
    private(set) var logTail: UInt64 = 0

    @exclusivity(unchecked) private var subscriptions = SubscriptionTrie<MQTTSubscription>()
    @exclusivity(unchecked) private var matches = MatchCache<Topic, [MQTTDelivery]>()
    /// All connections, also those that haven't logged in.
    private var connections: [ObjectIdentifier: MQTTConnection] = [:]
    private var sessions = LiveSessions<MQTTConnection>()
    @exclusivity(unchecked) private var toWrite: [MQTTConnection] = []
    private var lastOrigin: UInt64

    init(
        loop: AdapterLoop,
        limits: MQTTLimits,
        registry: ClientRegistry,
        keeping: SessionKeeping? = nil,
        shared: (any SharedMessages)? = nil
    ) {
        self.shared = shared
        self.loop = loop
        self.limits = limits
        self.keeping = keeping
        self.settings = limits.sessionSettings(
            maximumExpiry: keeping?.maximumExpiry ?? 0,
            retainsMessages: loop.retained != nil,
            sharesMessages: shared != nil
        )
        self.registry = registry
        self.lastOrigin = UInt64(loop.index) << 48
    }

    var connectionCount: Int { connections.count }

    // MARK: Connections

    func opened(_ connection: MQTTConnection) -> UInt64 {
        connections[ObjectIdentifier(connection)] = connection
        loop.counters.connectionsMQTT.add()
        lastOrigin += 1
        return lastOrigin
    }

    func closed(_ connection: MQTTConnection) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        loop.counters.connectionsMQTT.add(-1)
    }

    func loggedIn(_ connection: MQTTConnection, _ key: KnownKey) {
        sessions.insert(connection, of: key.identity.thing)
        key.hold(at: loop.now)
    }

    func loggedOut(_ connection: MQTTConnection, _ key: KnownKey) {
        guard sessions.remove(connection, of: key.identity.thing) else { return }
        key.release()
        loop.tenants.release(.connection, of: key.identity.tenant)
    }

    func hasToWrite(_ connection: MQTTConnection) {
        toWrite.append(connection)
        loop.scheduleTurnEnd()
    }

    // MARK: Subscriptions

    func subscribe(_ subscription: MQTTSubscription) {
        let filter = subscription.filter
        let isNew = subscriptions.insert(
            subscription,
            of: ObjectIdentifier(subscription),
            to: filter.channel,
            filter.subtopic
        )
        guard isNew else { return }
        subscription.grant.hold(at: loop.now)
        loop.interest.add(filter.channel)
        if subscription.isKept { loop.expectLogged(filter.channel) }
    }

    func unsubscribe(_ subscription: MQTTSubscription) {
        let filter = subscription.filter
        guard subscriptions.remove(ObjectIdentifier(subscription), from: filter.channel, filter.subtopic) else {
            return
        }
        subscription.grant.release()
        loop.tenants.release(.subscription, of: subscription.grant.identity.tenant)
        loop.interest.remove(filter.channel)
        if subscription.isKept { loop.stopExpectingLogged(filter.channel) }
    }

    // MARK: LoopComponent

    func deliver(_ message: Message) {
        guard !subscriptions.isEmpty else { return }
        let deliveries = deliveries(of: message.topic)
        guard !deliveries.isEmpty else { return }
        // The time is asked for by those that age alone.
        let time = message.properties == nil ? 0 : loop.wallClock
        var packets = OutgoingPackets(message, at: time, isShared: deliveries.count > 1)
        for delivery in deliveries where delivery.wants(message) {
            if delivery.connection.deliver(&packets, delivery) {
                loop.counters.deliveredMQTT.add()
            } else {
                loop.counters.droppedMQTT.add()
            }
            if message.qos > 0, delivery.qos != .atMostOnce || message.isLate, delivery.connection.isBehind {
                loop.isBehind(delivery.connection, with: message.topic.channel)
            }
        }
    }

    func deliveries(of topic: Topic) -> [MQTTDelivery] {
        matches.matches(of: topic, hash: topic.hash, generation: subscriptions.generation) {
            var found: [MQTTSubscription] = []
            subscriptions.forEachMatch(topic.channel, topic.subtopic) { found.append($0) }
            return MQTTDelivery.merging(found, of: topic)
        }
    }

    func logged(_ messages: [Message]?, upTo place: UInt64) {
        logTail = max(logTail, place)
        guard let messages else {
            for connection in connections.values { connection.missedLogged() }
            return
        }
        for message in messages {
            var packets = OutgoingPackets(message, at: loop.wallClock)
            for delivery in deliveries(of: message.topic) where delivery.wants(message) {
                delivery.connection.logged(&packets, delivery)
            }
        }
    }

    /// Sessions begin where the log does now, when their clients come again.
    func logLost() {
        logTail = 0
        for connection in Array(connections.values) where connection.hold != nil {
            connection.end(.serverBusy, .unavailable)
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
            case .taken:
                connection.lose(event)
                connection.end(.notAuthorized, .rightTaken)
            case .unconfirmed: connection.end(.serverBusy, .unavailable)
            }
        }
    }

    /// A thing that loses a channel loses the connections that listen to it; a publisher is refused with its next message.
    private func touched(by event: AccessEvent) -> [MQTTConnection] {
        switch event {
        case .thingRemoved(let thing), .keyChanged(let thing):
            sessions.sessions(of: thing)
        case .disconnected(let thing, let channel):
            sessions.sessions(of: thing).filter { $0.isSubscribed(to: channel) }
        case .channelRemoved(let channel):
            connections.values.filter { $0.isSubscribed(to: channel) }
        case .tenantRemoved(let tenant):
            connections.values.filter { $0.identity?.tenant == tenant }
        }
    }

    func sweep(at now: UInt64) {
        let time = NIODeadline.uptimeNanoseconds(now)
        let due = connections.values.filter { $0.isDue(at: time) }
        for connection in due { connection.timedOut(at: time) }
        for connection in Array(connections.values) {
            connection.endIfOver(at: now)
            connection.keepProgress()
            connection.takeMore()
            connection.passedRetained.age()
        }
    }

    func shutDown() {
        for connection in Array(connections.values) { connection.end(.serverShuttingDown, nil) }
    }
}
