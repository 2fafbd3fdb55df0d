package import Model

/// What one event loop knows of rights: positive answers only, each for a limited time, at most ``capacity`` of a kind.
///
/// A right that is taken (``AccessEvent``) is dropped at once. An answer that was on its way when that happened is worth
/// nothing, since nobody can tell whether it was given before or after: it is asked for again.
/// Confined to its loop; time is the loop's own clock in nanoseconds.
package final class AccessTable {
    private struct Use: Hashable {
        let identity: ThingIdentity
        let channel: ChannelID
    }

    private let maximumAge: UInt64
    private let capacity: Int
    private let ask: (AccessQuestion) -> Void
    private var questions: UInt64 = 0

    private var keys: [ThingKey: KnownKey] = [:]
    private var keysOfThing: [Thing.ID: [KnownKey]] = [:]
    private var grants: [Thing.ID: [ChannelID: ChannelGrant]] = [:]
    private var usersOfChannel: [ChannelID: Set<Thing.ID>] = [:]
    private var grantCount = 0
    private var pendingKeys: [ThingKey: PendingRight<KnownKey>] = [:]
    private var pendingUses: [Use: PendingRight<ChannelGrant>] = [:]

    /// - Parameters:
    ///   - maximumAge: nanoseconds that an answer stays good.
    ///   - capacity: most keys, and most grants, remembered at a time.
    ///   - ask: called when something isn't known; the answer goes to ``answered(_:identity:at:)`` or
    ///     ``answered(_:allowed:at:)``, maybe at once.
    package init(maximumAge: UInt64, capacity: Int = 100_000, ask: @escaping (AccessQuestion) -> Void) {
        self.maximumAge = maximumAge
        self.capacity = capacity
        self.ask = ask
    }

    /// Whose the key is, if that is known.
    package func known(_ key: ThingKey, at now: UInt64) -> KnownKey? {
        guard let known = keys[key], known.isGood(at: now) else { return nil }
        return known
    }

    /// The right to use the channel, if it is known.
    package func grant(_ thing: Thing.ID, _ channel: ChannelID, at now: UInt64) -> ChannelGrant? {
        guard let grant = grants[thing]?[channel], grant.isGood(at: now) else { return nil }
        return grant
    }

    /// Calls back with the answer, at once if it is known.
    package func identify(_ key: ThingKey, at now: UInt64, _ then: @escaping (AccessAnswer<KnownKey>) -> Void) {
        if let known = known(key, at: now) { return then(.granted(known)) }
        guard pendingKeys[key] == nil else {
            pendingKeys[key]?.waiting.append(then)
            return
        }
        let question = question(.key(key))
        pendingKeys[key] = PendingRight(question, since: now)
        pendingKeys[key]?.waiting.append(then)
        ask(question)
    }

    /// Calls back with the answer, at once if it is known.
    package func authorize(
        _ identity: ThingIdentity,
        _ channel: ChannelID,
        at now: UInt64,
        _ then: @escaping (AccessAnswer<ChannelGrant>) -> Void
    ) {
        if let grant = grant(identity.thing, channel, at: now) { return then(.granted(grant)) }
        let use = Use(identity: identity, channel: channel)
        guard pendingUses[use] == nil else {
            pendingUses[use]?.waiting.append(then)
            return
        }
        let question = question(.use(identity, channel))
        pendingUses[use] = PendingRight(question, since: now)
        pendingUses[use]?.waiting.append(then)
        ask(question)
    }

    private func question(_ subject: AccessQuestion.Subject) -> AccessQuestion {
        questions += 1
        return AccessQuestion(subject: subject, number: questions)
    }

    /// Answers those who have waited since before `then` that it can't be told; what comes later is asked anew.
    package func giveUp(askedBefore then: UInt64) {
        // Who is called back may ask again, and wait with others whose turn is still to come.
        for key in pendingKeys.filter({ $0.value.since < then }).keys {
            for waiter in pendingKeys.removeValue(forKey: key)?.waiting ?? [] { waiter(.unavailable) }
        }
        for use in pendingUses.filter({ $0.value.since < then }).keys {
            for waiter in pendingUses.removeValue(forKey: use)?.waiting ?? [] { waiter(.unavailable) }
        }
    }

    /// Finds out whose the key is, and whether that thing may use the channel. A key that is taken away meanwhile is looked
    /// up again, since no event could find by it what is only about to be opened.
    ///
    /// - Parameter clock: the loop's, read again when an answer comes.
    package func admit(
        _ key: ThingKey,
        to channel: ChannelID,
        clock: @escaping () -> UInt64,
        _ then: @escaping (AdmissionAnswer) -> Void
    ) {
        identify(key, at: clock()) { identified in
            switch identified {
            case .refused: then(.unknownKey)
            case .unavailable: then(.unavailable)
            case .granted(let known):
                self.authorize(known.identity, channel, at: clock()) { authorized in
                    switch authorized {
                    case .refused: then(.refused)
                    case .unavailable: then(.unavailable)
                    case .granted where !known.isLive: self.admit(key, to: channel, clock: clock, then)
                    case .granted(let grant): then(.granted(Admission(key: known, grant: grant)))
                    }
                }
            }
        }
    }

    /// Whose key it is; an error is an outage.
    package func answered(
        _ question: AccessQuestion,
        identity: Result<ThingIdentity?, AccessUnavailable>,
        at now: UInt64
    ) {
        guard case .key(let key) = question.subject, let pending = pendingKeys[key], pending.question == question else {
            return
        }
        if case .success(let owner?) = identity,
            pending.isStale || pending.missed.contains(where: { $0.takesKey(of: owner) })
        {
            let again = self.question(question.subject)
            pendingKeys[key]?.askAgain(again)
            return ask(again)
        }
        pendingKeys[key] = nil
        let right: AccessAnswer<KnownKey> =
            switch identity {
            case .success(let owner?): .granted(remember(owner, key, at: now))
            case .success(nil): .refused
            case .failure: .unavailable
            }
        for then in pending.waiting { then(right) }
    }

    /// Whether the thing may use the channel; an error is an outage.
    package func answered(_ question: AccessQuestion, allowed: Result<Bool, AccessUnavailable>, at now: UInt64) {
        guard case .use(let identity, let channel) = question.subject else { return }
        let use = Use(identity: identity, channel: channel)
        guard let pending = pendingUses[use], pending.question == question else { return }
        if pending.isStale, case .success(true) = allowed {
            let again = self.question(question.subject)
            pendingUses[use]?.askAgain(again)
            return ask(again)
        }
        pendingUses[use] = nil
        let right: AccessAnswer<ChannelGrant> =
            switch allowed {
            case .success(true): .granted(remember(identity, channel, at: now))
            case .success(false): .refused
            case .failure: .unavailable
            }
        for then in pending.waiting { then(right) }
    }

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

    /// Forgets everything, and distrusts the answers that are on their way: events may have been missed.
    package func forgetAll() {
        for thing in Array(keysOfThing.keys) { forgetKeys(of: thing) }
        for thing in Array(grants.keys) { forgetGrants(of: thing) }
        for use in pendingUses.keys { pendingUses[use]?.distrust() }
        for key in pendingKeys.keys { pendingKeys[key]?.distrust() }
    }

    // MARK: Remembering

    private func remember(_ identity: ThingIdentity, _ key: ThingKey, at now: UInt64) -> KnownKey {
        if keys.count >= capacity, let other = keys.values.first { forgetKeys(of: other.identity.thing) }
        keys[key]?.isLive = false
        let known = KnownKey(identity: identity, key: key, goodUntil: now &+ maximumAge)
        keys[key] = known
        keysOfThing[identity.thing, default: []].removeAll { !$0.isLive }
        keysOfThing[identity.thing, default: []].append(known)
        return known
    }

    private func remember(_ identity: ThingIdentity, _ channel: ChannelID, at now: UInt64) -> ChannelGrant {
        if grantCount >= capacity, let other = grants.first?.key { forgetGrants(of: other) }
        forgetGrant(identity.thing, channel)
        let grant = ChannelGrant(identity: identity, channel: channel, goodUntil: now &+ maximumAge)
        grants[identity.thing, default: [:]][channel] = grant
        usersOfChannel[channel, default: []].insert(identity.thing)
        grantCount += 1
        return grant
    }

    // MARK: Forgetting

    private func forgetKeys(of thing: Thing.ID) {
        for known in keysOfThing.removeValue(forKey: thing) ?? [] {
            known.isLive = false
            // The key may be another thing's by now.
            if keys[known.key] === known { keys[known.key] = nil }
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

extension AccessEvent {
    /// Whether the event ends what this thing's key opened.
    fileprivate func takesKey(of identity: ThingIdentity) -> Bool {
        switch self {
        case .thingRemoved(let thing), .keyChanged(let thing): thing == identity.thing
        case .tenantRemoved(let tenant): tenant == identity.tenant
        case .disconnected, .channelRemoved: false
        }
    }

    /// Whether the event takes this thing's right to use this channel.
    package func touches(_ identity: ThingIdentity, _ channel: ChannelID) -> Bool {
        switch self {
        case .thingRemoved(let removed): removed == identity.thing
        case .keyChanged: false
        case .disconnected(let thing, let cut): thing == identity.thing && cut == channel
        case .channelRemoved(let removed): removed == channel
        case .tenantRemoved(let tenant): tenant == identity.tenant
        }
    }
}
