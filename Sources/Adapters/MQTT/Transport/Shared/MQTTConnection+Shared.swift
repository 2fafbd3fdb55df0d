internal import AdapterTransport
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

// Shared subscriptions (MQTT 5, section 4.8.2): the client asks its groups for as many messages as it can take, and has each settled.
extension MQTTConnection {
    /// Subscribes with others to what comes from now on, or from a place on that the session had come to.
    func share(
        _ group: SharedGroup,
        _ wanted: Subscription,
        _ grant: ChannelGrant,
        _ identifier: UInt32?,
        from place: UInt64? = nil
    ) -> MQTTReasonCode {
        guard let shared = component.shared else { return .sharedSubscriptionsNotSupported }
        if let known = sharedSubscriptions[group] {
            known.qos = min(wanted.qos, .atLeastOnce)
            known.retainAsPublished = wanted.retainAsPublished
            known.identifier = identifier
            return .granted(known.qos)
        }
        if let refusal = takeSubscription(of: grant) { return refusal }
        lastShared += 1
        let subscription = SharedSubscription(group, lastShared, wanted, grant, identifier)
        sharedSubscriptions[group] = subscription
        grant.hold(at: loop.now)
        let expiry = hold == nil ? 0 : min(session.wantedExpiry, component.settings.maximumExpiry)
        shared.hold(group, by: holder(for: expiry), from: place)
        let bound = NIOLoopBound((connection: self, subscription: subscription), eventLoop: loop.eventLoop)
        subscription.member = shared.join(group) { messages in
            bound.eventLoop.execute { bound.value.connection.given(messages, by: bound.value.subscription) }
        }
        return .granted(subscription.qos)
    }

    private func holder(for expiry: UInt32) -> SharedHolder {
        let client = registration?.client
        return SharedHolder(
            name: ExactText("\(client?.thing, default: "") \(client?.clientID.text ?? "")"),
            expiry: expiry
        )
    }

    /// False if there is no such subscription.
    ///
    /// - Parameter expiry: for how many seconds the session goes on without the connection, and has it.
    @discardableResult
    func endShare(_ group: SharedGroup, keptFor expiry: UInt32 = 0) -> Bool {
        guard let subscription = sharedSubscriptions.removeValue(forKey: group) else { return false }
        if let member = subscription.member { component.shared?.leave(member) }
        component.shared?.release(group, by: holder(for: expiry))
        subscription.grant.release()
        loop.tenants.release(.subscription, of: subscription.grant.identity.tenant)
        return true
    }

    /// Asks for more, if the client has room for some.
    func askShared() {
        guard session.phase == .connected, session.isHalfEmpty, !isQueueHalfFull else { return }
        let count = max(1, session.room / 2 / max(1, sharedSubscriptions.count))
        for subscription in sharedSubscriptions.values where subscription.asked == 0 {
            guard let member = subscription.member else { continue }
            subscription.asked = count
            component.shared?.ask(for: count, by: member)
        }
    }

    private func given(_ messages: [Message], by subscription: SharedSubscription) {
        guard session.phase == .connected, sharedSubscriptions[subscription.group] === subscription,
            subscription.grant.isLive, let member = subscription.member
        else { return }
        subscription.asked -= min(subscription.asked, messages.count)
        for message in messages {
            if let isDone = give(message, by: subscription) {
                component.shared?.settle(message.place, by: member, isDone: isDone)
            }
        }
        askShared()
    }

    /// Whether the message is done with, or another member's; nil if the client has it and will acknowledge it.
    private func give(_ message: Message, by subscription: SharedSubscription) -> Bool? {
        if let expires = message.properties?.expires, expires <= loop.wallClock {
            loop.counters.expired.add()
            return true
        }
        var packets = OutgoingPackets(message, at: loop.wallClock)
        let delivery = subscription.delivery(to: self)
        let qos = packets.qos(delivery)
        idleness.carried()
        guard qos != .atMostOnce else {
            let isSent = deliverAtMostOnce(packets.own(delivery, version: session.version))
            if isSent { loop.counters.deliveredMQTT.add() } else { loop.counters.droppedMQTT.add() }
            return true
        }
        let publish = packets.own(delivery, qos: qos, version: session.version)
        let place = SharedPlace(subscription: subscription.number, place: message.place)
        var result = DeliveryResult.sent
        feed { session, actions in result = session.deliver(publish, shared: place, into: &actions) }
        switch result {
        case .sent:
            loop.counters.deliveredMQTT.add()
            return nil
        case .dropped(.tooLargeForClient):
            loop.counters.droppedMQTT.add()
            return true
        case .queued, .dropped: return false
        }
    }

    /// The client has acknowledged a message.
    func settled(_ place: SharedPlace) {
        let subscription = sharedSubscriptions.values.first { $0.number == place.subscription }
        guard let member = subscription?.member else { return }
        component.shared?.settle(place.place, by: member, isDone: true)
        session.hasProgressed = true
        askShared()
    }

    /// All that the session has subscribed to.
    var keptSubscriptions: [KeptSubscription] {
        subscriptions.values.map { subscription in
            var kept = subscription.kept
            // Where it ends is known when the first page has been read.
            let rest = passedRetained.reads.last { $0.subscription === subscription }?.range
            kept.retained = rest?.upTo == .max ? nil : rest
            return kept
        }
            + sharedSubscriptions.values.map { $0.kept(from: component.shared?.floor(of: $0.group) ?? 0) }
    }
}
