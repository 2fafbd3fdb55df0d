internal import AdapterTransport
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import NIOCore

// Messages that were there before their subscribers.
extension MQTTConnection {
    /// Sends the client what is retained for the subscriptions that it has just made [MQTT-3.3.1-9], behind their SUBACK.
    func sendRetained() {
        guard let retained = loop.retained else { return }
        let subscriptions = wantingRetained
        wantingRetained = []
        for subscription in subscriptions { read(retained, for: subscription, after: nil) }
    }

    private func read(_ retained: any RetainedMessages, for subscription: MQTTSubscription, after place: ExactText?) {
        passedRetained.reads += 1
        let bound = NIOLoopBound((connection: self, subscription: subscription), eventLoop: loop.eventLoop)
        let filter = subscription.filter
        retained.read(filter.channel, filter.subtopic, after: place) { page in
            bound.eventLoop.execute {
                let (connection, subscription) = bound.value
                connection.send(page?.messages ?? [], to: subscription)
                connection.passedRetained.reads -= 1
                if let end = page?.end, connection.has(subscription) {
                    connection.read(retained, for: subscription, after: end)
                }
                if connection.passedRetained.reads == 0 { connection.passedRetained.topics = [] }
            }
        }
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
