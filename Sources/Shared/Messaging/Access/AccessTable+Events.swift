package import Model

extension AccessTable {
    /// Forgets what the event takes away, and distrusts the answers that are on their way.
    package func apply(_ event: AccessEvent) {
        switch event {
        case .thingRemoved(let thing):
            forgetKeys(of: thing)
            forgetGrants(of: thing)
        case .keyChanged(let thing):
            forgetKeys(of: thing)
        case .disconnected(let thing, let channel):
            forgetGrant(thing, channel)
        case .channelRemoved(let channel):
            for thing in usersOfChannel[channel] ?? [] { forgetGrant(thing, channel) }
        case .tenantRemoved(let tenant):
            for known in keys.values where known.identity.tenant == tenant { forgetKeys(of: known.identity.thing) }
            let things = grants.values.compactMap { $0.values.first?.identity }.filter { $0.tenant == tenant }
            for identity in things { forgetGrants(of: identity.thing) }
        }
        distrustPending(event)
    }

    /// Has everything confirmed before its next use, and distrusts the answers that are on their way: events may have been
    /// missed.
    package func distrustAll(at now: UInt64) {
        age.distrustAll(at: now)
        for use in pendingUses.keys { pendingUses[use]?.distrust() }
        for key in pendingKeys.keys { pendingKeys[key]?.distrust() }
    }

    // MARK: Forgetting

    /// Forgets a right of which no event told that it is gone, and ends what lives by it.
    func lose(_ right: AccessRight, _ reason: AccessLoss) {
        let isHeld = right.isHeld
        switch right {
        case let known as KnownKey:
            forget(known)
            if isHeld { lost(.keyChanged(known.identity.thing), reason) }
        case let grant as ChannelGrant:
            forgetGrant(grant.identity.thing, grant.channel)
            if isHeld { lost(.disconnected(grant.identity.thing, grant.channel), reason) }
        default: break
        }
    }

    func forget(_ known: KnownKey) {
        known.isLive = false
        keys[known.key] = nil
        let thing = known.identity.thing
        keysOfThing[thing]?.removeAll { $0 === known }
        if keysOfThing[thing]?.isEmpty == true { keysOfThing[thing] = nil }
    }

    private func forgetKeys(of thing: Thing.ID) {
        for known in keysOfThing[thing] ?? [] { forget(known) }
    }

    /// Of some that come first: each dictionary has its own order.
    func forgetSomeGrant() {
        for ofThing in grants.values {
            guard let grant = ofThing.values.first(where: { !$0.isHeld }) else { continue }
            return forgetGrant(grant.identity.thing, grant.channel)
        }
    }

    private func forgetGrants(of thing: Thing.ID) {
        for channel in grants[thing].map({ Array($0.keys) }) ?? [] { forgetGrant(thing, channel) }
    }

    private func forgetGrant(_ thing: Thing.ID, _ channel: ChannelID) {
        guard let grant = grants[thing]?.removeValue(forKey: channel) else { return }
        grant.isLive = false
        grantCount -= 1
        if grants[thing]?.isEmpty == true { grants[thing] = nil }
        usersOfChannel[channel]?.remove(thing)
        if usersOfChannel[channel]?.isEmpty == true { usersOfChannel[channel] = nil }
    }

    /// Whose the keys on their way are isn't known yet, so that each remembers the events until its answer comes.
    private func distrustPending(_ event: AccessEvent) {
        for use in pendingUses.keys where event.touches(use.identity, use.channel) { pendingUses[use]?.distrust() }
        switch event {
        case .thingRemoved, .keyChanged, .tenantRemoved:
            for key in pendingKeys.keys { pendingKeys[key]?.miss(event) }
        case .disconnected, .channelRemoved:
            break
        }
    }
}
