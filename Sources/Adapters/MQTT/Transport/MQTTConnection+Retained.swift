internal import AdapterTransport
internal import DequeModule
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

// Messages that were there before their subscribers.
extension MQTTConnection {
    /// Sends the client what is retained for the subscriptions that it has just made [MQTT-3.3.1-9], behind their SUBACK.
    func sendRetained() {
        guard loop.retained != nil else { return }
        for subscription in wantingRetained {
            // The first is under way.
            let isFirst = passedRetained.isReading && passedRetained.reads.first?.subscription === subscription
            let waiting = passedRetained.reads.dropFirst(isFirst ? 1 : 0)
            if !waiting.contains(where: { $0.subscription === subscription && $0.range == .all }) {
                passedRetained.reads.append((subscription, .all))
            }
        }
        wantingRetained = []
        readRetained()
    }

    /// Reads a page more, if the client has room for it.
    func readRetained() {
        guard let retained = loop.retained, !passedRetained.isReading, session.phase == .connected,
            session.queuedMessages == 0, !isQueueHalfFull, let (subscription, range) = passedRetained.reads.first
        else { return }
        // What a session that is kept has to acknowledge doesn't wait here: what is left of it is kept with the subscription.
        let isKept = hold != nil && subscription.qos > .atMostOnce
        if isKept, !session.isHalfEmpty || !session.unsent.isEmpty { return }
        let (tenant, limit) = (subscription.grant.identity.tenant, isKept ? session.room : .max)
        passedRetained.isReading = true
        let bound = NIOLoopBound((connection: self, subscription: subscription), eventLoop: loop.eventLoop)
        retained.read(subscription.filter, of: tenant, in: range, limit: limit) { page in
            bound.eventLoop.execute { bound.value.connection.read(page, for: bound.value.subscription) }
        }
    }

    private func read(_ page: RetainedPage?, for subscription: MQTTSubscription) {
        guard session.phase == .connected, !passedRetained.reads.isEmpty else {
            return passedRetained = PassedRetained()
        }
        passedRetained.isReading = false
        // What can't be read now is read later, at the next sweep.
        guard page != nil || !has(subscription) else { return }
        let (_, before) = passedRetained.reads.removeFirst()
        let taken = send(page?.messages ?? [], to: subscription)
        let isWhole = taken == page?.messages.count ?? 0
        var rest = page?.rest
        if !isWhole, let page {
            let end = taken > 0 ? page.messages[taken - 1].place : before.behind
            rest = RetainedRange(behind: end, upTo: page.newest)
        }
        if let rest, has(subscription) { passedRetained.reads.prepend((subscription, rest)) }
        session.hasProgressed = true
        if passedRetained.reads.isEmpty { passedRetained.forgetTopics() }
        if isWhole { readRetained() }
    }

    /// Whether the client still has the subscription, and its thing the right.
    private func has(_ subscription: MQTTSubscription) -> Bool {
        session.phase == .connected && subscriptions[subscription.filter] === subscription
            && subscription.grant.isLive
    }

    /// Answers how many of them are seen to.
    private func send(_ messages: [Message], to subscription: MQTTSubscription) -> Int {
        guard has(subscription) else { return messages.count }
        for (index, message) in messages.enumerated() where !passedRetained.topics.contains(message.topic) {
            guard let delivery = MQTTDelivery.merging([subscription], of: message.topic).first,
                !delivery.noLocal || message.origin != origin
            else { continue }
            var packets = OutgoingPackets(message, at: loop.wallClock)
            let qos = packets.qos(delivery)
            var isTaken = true
            if qos > .atMostOnce, hold != nil {
                var publish = packets.own(delivery, qos: qos, version: session.version)
                publish.retain = true
                let place = SessionPlace.retained(message.place, isTyped: delivery.isTyped)
                var result = LogDelivery.passed
                feed { session, actions in result = session.deliver(publish, retainedAt: place, into: &actions) }
                guard result != .noRoom else { return index }
                isTaken = result == .sent
            } else {
                var publish = packets.kept(delivery, qos: qos, version: session.version)
                publish.retain = true
                isTaken = qos == .atMostOnce ? deliverAtMostOnce(publish) : deliver(publish, of: message)
            }
            if isTaken {
                passedRetained.sent(message)
                loop.counters.deliveredMQTT.add()
            } else {
                loop.counters.droppedMQTT.add()
            }
        }
        return messages.count
    }
}

/// What of the retained messages is still to be read, and what has come live meanwhile.
struct PassedRetained {
    /// Subscriptions, and what is left for each.
    var reads: Deque<(subscription: MQTTSubscription, range: RetainedRange)> = []
    var isReading = false
    /// What came of topics whose retained messages are being read: these are older.
    private(set) var topics: Set<Topic> = []
    private static let mostTopics = 4_096

    /// A message has come that may be retained too.
    ///
    /// - Parameter isWanting: whether there are subscriptions whose reads are about to begin.
    mutating func passed(_ message: Message, isWanting: Bool) {
        guard message.retain, isWanting || !reads.isEmpty, topics.count < Self.mostTopics else { return }
        topics.insert(message.topic)
    }

    mutating func forgetTopics() { topics = [] }

    /// What has been sent, by when it was published: the same may be on its way here live, from another adapter.
    private var sent: [Topic: UInt64] = [:]
    private var isOld = false

    mutating func sent(_ message: Message) {
        if sent.count < Self.mostTopics { sent[message.topic] = message.created }
        isOld = false
    }

    func hasSent(_ message: Message) -> Bool { !sent.isEmpty && sent[message.topic] == message.created }

    /// What was on its way has come; called again and again.
    mutating func age() {
        if isOld, !sent.isEmpty { sent = [:] }
        isOld = reads.isEmpty
    }
}
