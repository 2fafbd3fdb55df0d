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
            let isNext = passedRetained.isReading && passedRetained.reads.first?.subscription === subscription
            let waiting = passedRetained.reads.dropFirst(isNext ? 1 : 0)
            if !waiting.contains(where: { $0.subscription === subscription && $0.next == nil }) {
                passedRetained.reads.append((subscription, nil))
            }
        }
        wantingRetained = []
        readRetained()
    }

    /// Reads a page more, if the client has room for it.
    func readRetained() {
        guard let retained = loop.retained, !passedRetained.isReading, session.phase == .connected,
            session.queuedMessages == 0, !isQueueHalfFull, let (subscription, next) = passedRetained.reads.first
        else { return }
        passedRetained.isReading = true
        let bound = NIOLoopBound((connection: self, subscription: subscription), eventLoop: loop.eventLoop)
        let then: @Sendable (RetainedPage?) -> Void = { page in
            bound.eventLoop.execute { bound.value.connection.read(page, for: bound.value.subscription) }
        }
        guard let next else {
            return retained.read(subscription.filter, of: subscription.grant.identity.tenant, then: then)
        }
        next(then)
    }

    private func read(_ page: RetainedPage?, for subscription: MQTTSubscription) {
        guard session.phase == .connected, !passedRetained.reads.isEmpty else {
            return passedRetained = PassedRetained()
        }
        passedRetained.isReading = false
        // What can't be read now is read later, at the next sweep.
        guard page != nil || !has(subscription) else { return }
        passedRetained.reads.removeFirst()
        send(page?.messages ?? [], to: subscription)
        if let next = page?.next, has(subscription) { passedRetained.reads.prepend((subscription, next)) }
        if passedRetained.reads.isEmpty { passedRetained.topics = [] }
        readRetained()
    }

    /// Whether the client still has the subscription, and its thing the right.
    private func has(_ subscription: MQTTSubscription) -> Bool {
        session.phase == .connected && subscriptions[subscription.filter] === subscription
            && subscription.grant.isLive
    }

    private func send(_ messages: [Message], to subscription: MQTTSubscription) {
        guard has(subscription) else { return }
        for message in messages where !passedRetained.topics.contains(message.topic) {
            guard let delivery = MQTTDelivery.merging([subscription], of: message.topic).first,
                !delivery.noLocal || message.origin != origin
            else { continue }
            var packets = OutgoingPackets(message, at: loop.wallClock)
            let qos = packets.qos(delivery)
            var publish = packets.kept(delivery, qos: qos, version: session.version)
            publish.retain = true
            let isTaken = qos == .atMostOnce ? deliverAtMostOnce(publish) : deliver(publish, of: message)
            if isTaken { loop.counters.deliveredMQTT.add() } else { loop.counters.droppedMQTT.add() }
        }
    }
}

/// What of the retained messages is still to be read, and what has come live meanwhile.
struct PassedRetained {
    /// Subscriptions, and what reads the next page; nil: none has been read.
    var reads: Deque<(subscription: MQTTSubscription, next: RetainedPage.Next?)> = []
    var isReading = false
    /// What came of topics whose retained messages are being read: these are older.
    var topics: Set<Topic> = []
}
