internal import AdapterTransport
internal import AdaptersCore
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

extension MQTTConnection {
    func isSubscribed(to channel: ChannelID) -> Bool {
        subscriptions.keys.contains { $0.channel == channel }
            || sharedSubscriptions.keys.contains { $0.filter.channel == channel }
    }

    /// What a session may no longer have isn't left to it.
    func lose(_ event: AccessEvent) {
        guard hold != nil, let identity else { return }
        for (filter, subscription) in subscriptions where event.touches(identity, filter.channel) {
            subscriptions[filter] = nil
            component.unsubscribe(subscription)
        }
        for group in Array(sharedSubscriptions.keys) where event.touches(identity, group.filter.channel) {
            endShare(group)
        }
    }

    /// Grants or refuses each filter by itself, in order [MQTT-3.8.4-6]; SUBACK goes out when all are decided.
    func subscribe(_ subscribe: Subscribe) {
        wait()
        wantingRetained = []
        decide(subscribe, [])
    }

    private func decide(_ subscribe: Subscribe, _ codes: [MQTTReasonCode]) {
        var codes = codes
        while codes.count < subscribe.subscriptions.count {
            // Each filter may cost a question: one packet may not ask for more than could be granted.
            guard codes.count < component.limits.maximumSubscriptions else {
                codes.append(.quotaExceeded)
                continue
            }
            let wanted = subscribe.subscriptions[codes.count]
            switch filter(of: wanted) {
            case .failure(let code):
                peer.refused(.badTopic, .mqtt)
                codes.append(code)
            case .success(let filter):
                guard let key else { return }
                if key.isGood(at: loop.now),
                    let grant = loop.access.grant(key.identity.thing, filter.filter.channel, at: loop.now)
                {
                    codes.append(add(wanted, filter, grant, subscribe.properties.subscriptionIdentifier))
                } else {
                    return ask(key, filter, wanted, subscribe, codes)
                }
            }
        }
        guard subscribe.subscriptions.contains(where: { $0.filter.hasPrefix(SharedFilter.prefix) }),
            !sharedSubscriptions.isEmpty, let shared = component.shared
        else { return settle(subscribe, codes) }
        let bound = NIOLoopBound((connection: self, codes: codes), eventLoop: loop.eventLoop)
        shared.whenHeld(Array(sharedSubscriptions.keys)) { isHeld in
            bound.eventLoop.execute {
                let (connection, codes) = bound.value
                isHeld ? connection.settle(subscribe, codes) : connection.end(.serverBusy, .unavailable)
            }
        }
    }

    /// What is published once the client has its SUBACK must come to it.
    private func settle(_ subscribe: Subscribe, _ codes: [MQTTReasonCode]) {
        loop.interest.whenSettled {
            guard self.session.phase == .connected else { return }
            self.feed { session, actions in
                session.subscribeCompleted(packetID: subscribe.packetID, codes: codes, into: &actions)
            }
            self.sendRetained()
            self.askShared()
            self.goOn()
        }
    }

    private func ask(
        _ key: KnownKey,
        _ filter: SharedFilter,
        _ wanted: Subscription,
        _ subscribe: Subscribe,
        _ codes: [MQTTReasonCode]
    ) {
        loop.access.authorize(key, filter.filter.channel, clock: { [loop] in loop.now }) { authorized in
            guard self.session.phase == .connected else { return }
            switch authorized {
            case .granted(let grant):
                let code = self.add(wanted, filter, grant, subscribe.properties.subscriptionIdentifier)
                self.decide(subscribe, codes + [code])
            case .refused:
                self.peer.refused(.notAuthorized, .mqtt)
                self.decide(subscribe, codes + [.notAuthorized])
            case .unavailable:
                self.peer.refused(.unavailable, .mqtt)
                self.decide(subscribe, codes + [.implementationSpecificError])
            }
        }
    }

    private func add(
        _ wanted: Subscription,
        _ shared: SharedFilter,
        _ grant: ChannelGrant,
        _ identifier: UInt32?
    ) -> MQTTReasonCode {
        session.keepThis()
        if let group = shared.group { return share(group, wanted, grant, identifier) }
        let filter = shared.filter
        if let known = subscriptions[filter] {
            if known.qos == .atMostOnce { known.from = placeToStart(filter.channel, wanted.qos) }
            known.qos = wanted.qos
            known.noLocal = wanted.noLocal
            known.retainAsPublished = wanted.retainAsPublished
            known.identifier = identifier
            component.subscribe(known)
            if wanted.retainHandling == .onSubscribe { wantingRetained.append(known) }
        } else {
            if let refusal = takeSubscription(of: grant) { return refusal }
            let subscription = MQTTSubscription(
                connection: self,
                filter: filter,
                text: wanted.filter,
                grant: grant,
                qos: wanted.qos,
                noLocal: wanted.noLocal,
                retainAsPublished: wanted.retainAsPublished,
                identifier: identifier,
                from: placeToStart(filter.channel, wanted.qos)
            )
            subscriptions[filter] = subscription
            component.subscribe(subscription)
            if wanted.retainHandling != .never { wantingRetained.append(subscription) }
        }
        return .granted(wanted.qos)
    }

    /// Counts a subscription more. Answers why there may be none.
    func takeSubscription(of grant: ChannelGrant) -> MQTTReasonCode? {
        guard subscriptions.count + sharedSubscriptions.count < component.limits.maximumSubscriptions else {
            peer.refused(.overflow, .mqtt)
            return .quotaExceeded
        }
        guard loop.tenants.take(.subscription, of: grant.identity.tenant) else {
            peer.refused(.quotaExceeded, .mqtt)
            return .quotaExceeded
        }
        return nil
    }

    /// What the log has up to now was published before the subscription; all of it is no business of one of QoS 0.
    private func placeToStart(_ channel: ChannelID, _ qos: MQTTQoS) -> UInt64 {
        guard let hold, qos != .atMostOnce else { return .max }
        hold.keeping.store.expect(channel, for: hold.client)
        hold.isReadingStale = true
        return hold.keeping.log.newest
    }

    private func filter(of wanted: Subscription) -> Result<SharedFilter, MQTTReasonCode> {
        if component.limits.openTopics?.denied.contains(wanted.filter) == true { return .failure(.unspecifiedError) }
        do throws(TopicError) {
            return .success(try sharedFilter(wanted.filter))
        } catch {
            return .failure(.topicFilterInvalid)
        }
    }

    private func sharedFilter(_ text: String) throws(TopicError) -> SharedFilter {
        try SharedFilter(text, in: component.limits.topics, mayShare: session.version == .v5)
    }

    func unsubscribe(_ unsubscribe: Unsubscribe) {
        let codes = unsubscribe.filters.map { text -> MQTTReasonCode in
            guard let filter = try? sharedFilter(text) else { return .topicFilterInvalid }
            if let group = filter.group { return endShare(group) ? .success : .noSubscriptionExisted }
            guard let subscription = subscriptions.removeValue(forKey: filter.filter) else {
                return .noSubscriptionExisted
            }
            component.unsubscribe(subscription)
            return .success
        }
        session.keepThis()
        feed { session, actions in
            session.unsubscribeCompleted(packetID: unsubscribe.packetID, codes: codes, into: &actions)
        }
    }
}
