package import Model

/// What one event loop knows of rights: positive answers only, each for a limited time, at most ``capacity`` of a kind beside
/// those that sessions live by.
///
/// A right that is taken (``AccessEvent``) is dropped at once. An answer that was on its way when that happened is worth
/// nothing, since nobody can tell whether it was given before or after: it is asked for again.
/// Confined to its loop; time is the loop's own clock in nanoseconds.
package final class AccessTable {
    struct Use: Hashable {
        let identity: ThingIdentity
        let channel: ChannelID
    }

    let age: AccessAge
    private let capacity: Int
    private let ask: (AccessQuestion) -> Void
    let lost: (AccessEvent, AccessLoss) -> Void
    private var questions: UInt64 = 0

    var keys: [ThingKey: KnownKey] = [:]
    var keysOfThing: [Thing.ID: [KnownKey]] = [:]
    var grants: [Thing.ID: [ChannelID: ChannelGrant]] = [:]
    var usersOfChannel: [ChannelID: Set<Thing.ID>] = [:]
    var grantCount = 0
    var pendingKeys: [ThingKey: PendingRight<KnownKey>] = [:]
    var pendingUses: [Use: PendingRight<ChannelGrant>] = [:]

    /// - Parameters:
    ///   - ages: how long an answer stays good.
    ///   - capacity: most keys, and most grants, remembered at a time.
    ///   - lost: called when a right that sessions live by turns out to be gone without an event that said so; the event that
    ///     would have.
    ///   - ask: called when something isn't known; the answer goes to ``answered(_:identity:at:)`` or
    ///     ``answered(_:allowed:at:)``, maybe at once.
    package init(
        ages: AccessAges,
        capacity: Int = 100_000,
        lost: @escaping (AccessEvent, AccessLoss) -> Void,
        ask: @escaping (AccessQuestion) -> Void
    ) {
        self.age = AccessAge(ages)
        self.capacity = capacity
        self.lost = lost
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
        confirm(key, at: now, then)
    }

    /// Asks, and calls back if somebody waits for the answer.
    func confirm(_ key: ThingKey, at now: UInt64, _ then: ((AccessAnswer<KnownKey>) -> Void)? = nil) {
        guard pendingKeys[key] == nil else {
            if let then { pendingKeys[key]?.waiting.append(then) }
            return
        }
        let question = question(.key(key))
        pendingKeys[key] = PendingRight(question, since: now)
        if let then { pendingKeys[key]?.waiting.append(then) }
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
        confirm(Use(identity: identity, channel: channel), at: now, then)
    }

    /// The same for who came with the key, which has to be that thing's still.
    ///
    /// - Parameter clock: the loop's, read again when an answer comes: what was good before may be too old by then.
    package func authorize(
        _ key: KnownKey,
        _ channel: ChannelID,
        clock: @escaping () -> UInt64,
        _ then: @escaping (AccessAnswer<ChannelGrant>) -> Void
    ) {
        guard key.isLive else { return then(.refused) }
        if key.isGood(at: clock()) { return authorize(key.identity, channel, at: clock(), then) }
        identify(key.key, at: clock()) { identified in
            switch identified {
            case .granted where key.isLive: self.authorize(key.identity, channel, at: clock(), then)
            case .granted, .refused: then(.refused)
            case .unavailable: then(.unavailable)
            }
        }
    }

    /// Asks, and calls back if somebody waits for the answer.
    func confirm(_ use: Use, at now: UInt64, _ then: ((AccessAnswer<ChannelGrant>) -> Void)? = nil) {
        guard pendingUses[use] == nil else {
            if let then { pendingUses[use]?.waiting.append(then) }
            return
        }
        let question = question(.use(use.identity, use.channel))
        pendingUses[use] = PendingRight(question, since: now)
        if let then { pendingUses[use]?.waiting.append(then) }
        ask(question)
    }

    private func question(_ subject: AccessQuestion.Subject) -> AccessQuestion {
        questions += 1
        return AccessQuestion(subject: subject, number: questions)
    }

    /// Answers those who have waited since before `then` that it can't be told; what comes later is asked anew.
    package func giveUp(askedBefore then: UInt64, at now: UInt64) {
        // Who is called back may ask again, and wait with others whose turn is still to come.
        for key in pendingKeys.filter({ $0.value.since < then }).keys {
            let waiting = pendingKeys.removeValue(forKey: key)?.waiting ?? []
            let right = excused(keys[key], at: now)
            for waiter in waiting { waiter(right) }
        }
        for use in pendingUses.filter({ $0.value.since < then }).keys {
            let waiting = pendingUses.removeValue(forKey: use)?.waiting ?? []
            let right = excused(grants[use.identity.thing]?[use.channel], at: now)
            for waiter in waiting { waiter(right) }
        }
    }

    /// What was known before, for a while, if it is young enough.
    private func excused<Right: AccessRight>(_ right: Right?, at now: UInt64) -> AccessAnswer<Right> {
        guard let right else { return .unavailable }
        if right.excuse(at: now) { return .granted(right) }
        lose(right, .unconfirmed)
        return .unavailable
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
            pendingKeys[key]?.askAgain(again, at: now)
            return ask(again)
        }
        pendingKeys[key] = nil
        let right: AccessAnswer<KnownKey> =
            switch identity {
            case .success(let owner?): .granted(remember(owner, key, askedAt: pending.askedAt, at: now))
            case .success(nil): refused(keys[key])
            case .failure: excused(keys[key], at: now)
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
            pendingUses[use]?.askAgain(again, at: now)
            return ask(again)
        }
        pendingUses[use] = nil
        let right: AccessAnswer<ChannelGrant> =
            switch allowed {
            case .success(true): .granted(remember(identity, channel, askedAt: pending.askedAt, at: now))
            case .success(false): refused(grants[identity.thing]?[channel])
            case .failure: excused(grants[identity.thing]?[channel], at: now)
            }
        for then in pending.waiting { then(right) }
    }

    private func refused<Right: AccessRight>(_ right: Right?) -> AccessAnswer<Right> {
        if let right { lose(right, .taken) }
        return .refused
    }

    // MARK: Remembering

    private func remember(_ identity: ThingIdentity, _ key: ThingKey, askedAt: UInt64, at now: UInt64) -> KnownKey {
        if let known = keys[key] {
            if known.identity == identity {
                known.confirm(askedAt: askedAt, at: now)
                return known
            }
            lose(known, .taken)
        }
        if keys.count >= capacity, let other = keys.values.first(where: { !$0.isHeld }) { forget(other) }
        let known = KnownKey(identity, key, age, askedAt: askedAt)
        keys[key] = known
        keysOfThing[identity.thing, default: []].append(known)
        return known
    }

    private func remember(
        _ identity: ThingIdentity,
        _ channel: ChannelID,
        askedAt: UInt64,
        at now: UInt64
    ) -> ChannelGrant {
        if let grant = grants[identity.thing]?[channel] {
            grant.confirm(askedAt: askedAt, at: now)
            return grant
        }
        if grantCount >= capacity { forgetSomeGrant() }
        let grant = ChannelGrant(identity, channel, age, askedAt: askedAt)
        grants[identity.thing, default: [:]][channel] = grant
        usersOfChannel[channel, default: []].insert(identity.thing)
        grantCount += 1
        return grant
    }
}
