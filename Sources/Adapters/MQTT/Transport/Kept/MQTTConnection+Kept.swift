internal import AdapterTransport
internal import AdaptersCore
internal import MQTTCodec
internal import MQTTSession
internal import Messaging
internal import Model
internal import NIOCore

// A session that outlives its connection. Its messages of QoS 1 and 2 come out of the log alone, so that none is lost between
// two connections and none comes twice.
extension MQTTConnection {
    /// Most messages that are read at once: as many as may be in flight.
    private static var portion: Int { 64 }
    /// The same of those that were in flight, which are read whole however long they are.
    private static var unsentPortion: Int { 16 }
    private static var pauseAfterFailure: TimeAmount { .seconds(1) }
    private static var pauseBehind: TimeAmount { .milliseconds(10) }
    /// How often progress is kept, in nanoseconds.
    private static var progressInterval: UInt64 { 5_000_000_000 }

    // MARK: The beginning

    /// Goes on with the session that the client has, makes one, or does without, as it wants; then it has logged in.
    func openSession(_ connect: Connect, _ client: MQTTClient) {
        component.registry.endWait(of: client, isClean: connect.cleanStart)
        let wanted = min(session.wantedExpiry, component.settings.maximumExpiry)
        guard let keeping = component.keeping, wanted > 0 || keeping.store.mayHave(client) else {
            return answer(.accepted(clientID: client.clientID.text))
        }
        wait()
        let connection = NIOLoopBound(self, eventLoop: loop.eventLoop)
        let tenant = identity?.tenant
        keeping.store.take(client, of: tenant, isWanted: !connect.cleanStart, isMade: wanted > 0) { result in
            connection.eventLoop.execute {
                connection.value.took(result, of: client, from: keeping, wanted)
                connection.value.goOn()
            }
        }
    }

    private func took(
        _ result: Result<SessionRecord?, SessionStoreError>,
        of client: MQTTClient,
        from keeping: SessionKeeping,
        _ expiry: UInt32
    ) {
        let former: SessionRecord?
        switch result {
        case .failure(.unavailable): return answer(.refused(.serverUnavailable))
        case .failure(.tooMany):
            refusal = .quotaExceeded
            return answer(.refused(.quotaExceeded))
        case .success(nil) where expiry == 0: return answer(.accepted(clientID: client.clientID.text))
        case .success(let record): former = record
        }
        guard session.phase == .authenticating, let identity else {
            return keeping.store.giveBack(client, former) { _ in }
        }
        let hold = SessionHold(keeping, client, identity.tenant, former: former)
        self.hold = hold
        restore(former?.subscriptions[...] ?? [], expiry, hold)
    }

    /// Subscribes to what the thing may still have.
    private func restore(_ subscriptions: ArraySlice<KeptSubscription>, _ expiry: UInt32, _ hold: SessionHold) {
        var rest = subscriptions
        while let next = rest.first, let key {
            guard key.isGood(at: loop.now),
                let grant = loop.access.grant(key.identity.thing, next.filter.channel, at: loop.now)
            else { return ask(key, rest, expiry, hold) }
            guard restore(next, grant) else { return answer(.refused(.quotaExceeded)) }
            rest = rest.dropFirst()
        }
        begin(hold, expiry)
    }

    private func ask(_ key: KnownKey, _ rest: ArraySlice<KeptSubscription>, _ expiry: UInt32, _ hold: SessionHold) {
        guard let next = rest.first else { return }
        wait()
        loop.access.authorize(key, next.filter.channel, clock: { [loop] in loop.now }) { authorized in
            defer { self.goOn() }
            guard self.session.phase == .authenticating else { return }
            switch authorized {
            case .granted(let grant):
                guard self.restore(next, grant) else { return self.answer(.refused(.quotaExceeded)) }
                self.restore(rest.dropFirst(), expiry, hold)
            case .refused: self.restore(rest.dropFirst(), expiry, hold)
            case .unavailable: self.answer(.refused(.serverUnavailable))
            }
        }
    }

    /// False if its tenant may have no more.
    private func restore(_ kept: KeptSubscription, _ grant: ChannelGrant) -> Bool {
        if let share = kept.share {
            let group = SharedGroup(name: share, filter: kept.filter)
            return self.share(group, kept.wanted, grant, kept.identifier, from: kept.from) != .quotaExceeded
        }
        guard loop.tenants.take(.subscription, of: grant.identity.tenant) else { return false }
        let subscription = MQTTSubscription(kept, of: self, grant)
        if let newest = hold?.keeping.log.newest, kept.qos > 0 { subscription.from = min(kept.from, newest) }
        subscriptions[kept.filter] = subscription
        component.subscribe(subscription)
        if let range = kept.retained, loop.retained != nil { passedRetained.reads.append((subscription, range)) }
        return true
    }

    private func begin(_ hold: SessionHold, _ expiry: UInt32) {
        origin = hold.origin
        let newest = SessionPlace.end(of: hold.keeping.log.newest)
        var session = hold.former?.session ?? KeptSession(from: newest)
        if hold.former?.isTorn == true {
            session.tear()
            self.session.mustBeKept = true
        }
        // A log that was lost begins anew.
        session.sent = min(session.sent, newest)
        // What the client hears of its session must be so.
        if hold.former?.expiry != expiry { self.session.mustBeKept = true }
        let terms = SessionTerms(session, isPresent: hold.former != nil, expiry: expiry)
        wait()
        loop.interest.whenSettled {
            self.answer(.accepted(clientID: hold.client.clientID.text, terms))
            hold.former = nil
            self.readLog()
            self.readRetained()
            self.askShared()
            self.goOn()
        }
    }

    // MARK: What comes out of the log

    /// Gives on a message that the log has got just now.
    func logged(_ packets: inout OutgoingPackets, _ delivery: MQTTDelivery) {
        guard let hold, !hold.isLive || !deliver(logged: &packets, delivery) else { return }
        hold.missed(packets.message.place)
    }

    /// More came than was handed on.
    func missedLogged() {
        hold?.missed(component.logTail)
        readLog()
    }

    /// Reads what isn't there yet, if the client has room for some.
    func readLog() {
        guard let hold, !hold.isLive, !hold.isReading, session.phase == .connected, session.isHalfEmpty,
            !isQueueHalfFull
        else { return }
        guard session.unsent.isEmpty else { return readUnsent(hold) }
        let channels = loggedChannels
        guard !channels.isEmpty else {
            pass(component.logTail)
            hold.isLive = true
            return
        }
        (hold.isReading, hold.isReadingStale) = (true, false)
        let bound = NIOLoopBound((connection: self, hold: hold), eventLoop: loop.eventLoop)
        let after = SessionPlace.read(session.logPosition)
        hold.keeping.log.read(Array(channels), after: after, limit: Self.portion) { page in
            bound.eventLoop.execute { bound.value.connection.read(page, bound.value.hold) }
        }
    }

    /// Those whose messages of QoS 1 and 2 it is to be sent.
    private var loggedChannels: Set<ChannelID> {
        Set(subscriptions.values.lazy.filter { $0.qos != .atMostOnce }.map(\.filter.channel))
    }

    private func deliveries(of topic: Topic) -> [MQTTDelivery] {
        MQTTDelivery.merging(subscriptions.values.filter { $0.filter.matches(topic) }, of: topic)
    }

    /// Reads what was in flight on an earlier connection.
    private func readUnsent(_ hold: SessionHold) {
        hold.isReading = true
        let (unsent, isRetained) = (session.unsent, session.unsent.first.map(KeptSession.isRetained) ?? false)
        let places = unsent.prefix { KeptSession.isRetained($0) == isRetained }.prefix(Self.unsentPortion)
        let bound = NIOLoopBound((connection: self, hold: hold), eventLoop: loop.eventLoop)
        let then: @Sendable ([UInt64: Message]?) -> Void = { found in
            bound.eventLoop.execute { bound.value.connection.resume(places, found, bound.value.hold) }
        }
        let stored = Set(places.map(SessionPlace.stored)).sorted()
        guard isRetained else { return hold.keeping.log.read(at: stored, then: then) }
        if let retained = loop.retained { retained.readRetained(at: stored, then: then) } else { then([:]) }
    }

    /// Sends messages again, as far as there is room and the thing may still have them.
    ///
    /// - Parameter granted: a channel that it has just been allowed.
    private func resume(
        _ places: ArraySlice<UInt64>,
        _ found: [UInt64: Message]?,
        _ hold: SessionHold,
        granted: ChannelID? = nil
    ) {
        guard session.phase == .connected, let key else { return }
        guard let found else { return pause(hold, for: Self.pauseAfterFailure) }
        for (index, place) in zip(places.indices, places) {
            guard let message = found[SessionPlace.stored(place)] else {
                resume(nil, at: place)
                continue
            }
            let channel = message.topic.channel
            guard
                channel == granted
                    || key.isGood(at: loop.now) && loop.access.grant(key.identity.thing, channel, at: loop.now) != nil
            else {
                return ask(key, channel, before: places[index...], found, hold)
            }
            guard !isQueueHalfFull, resume(message, at: place) else { break }
        }
        hold.isReading = false
        readLog()
    }

    private func ask(
        _ key: KnownKey,
        _ channel: ChannelID,
        before places: ArraySlice<UInt64>,
        _ found: [UInt64: Message],
        _ hold: SessionHold
    ) {
        loop.access.authorize(key, channel, clock: { [loop] in loop.now }) { authorized in
            switch authorized {
            case .granted: self.resume(places, found, hold, granted: channel)
            case .refused: self.resume(places, found.filter { $0.value.topic.channel != channel }, hold)
            case .unavailable: self.pause(hold, for: Self.pauseAfterFailure)
            }
        }
    }

    /// - Parameter message: nil: it isn't sent again.
    /// - Returns: false if there is no room for it now.
    @discardableResult
    private func resume(_ message: Message?, at place: UInt64) -> Bool {
        let version = session.version
        let publish = message.map { message in
            var packets = OutgoingPackets(message, at: loop.wallClock)
            var publish = packets.own(delivery(of: message.topic, at: place), version: version)
            if KeptSession.isRetained(place) { publish.retain = true }
            return publish
        }
        var result = LogDelivery.passed
        feed { session, actions in result = session.resume(publish, at: place, into: &actions) }
        if result == .sent { loop.counters.deliveredMQTT.add() }
        return result != .noRoom
    }

    /// As its subscriptions have it now, if there are any that match.
    private func delivery(of topic: Topic, at place: UInt64) -> MQTTDelivery {
        let isTyped = SessionPlace.isTyped(place)
        return deliveries(of: topic).first { $0.isTyped == isTyped }
            ?? MQTTDelivery(
                connection: self,
                isTyped: isTyped,
                qos: .exactlyOnce,
                noLocal: false,
                retainAsPublished: false,
                since: 0,
                from: 0
            )
    }

    private func read(_ page: LogPage?, _ hold: SessionHold) {
        guard session.phase == .connected else { return }
        guard let page else {
            return pause(hold, for: Self.pauseAfterFailure)
        }
        hold.isReading = false
        if !hold.isReadingStale {
            let (most, newest) = (component.limits.maximumBacklog, hold.keeping.log.newest)
            hold.passed(SessionPlace.read(session.logPosition), newest: newest)
            if !page.isLast, hold.backlog.messages >= most.messages || hold.backlog.bytes >= most.bytes {
                return overflow(hold)
            }
            guard page.messages.allSatisfy(deliver) else { return }
            pass(page.end)
            hold.isLive = page.isLast && page.end >= hold.lastMissed
            // What is missing is about to come.
            guard hold.isLive || !page.isLast else { return pause(hold, for: Self.pauseBehind) }
        }
        readLog()
    }

    /// More waits than may: what comes behind that is dropped, and the client told if it can be.
    private func overflow(_ hold: SessionHold) {
        hold.isReading = true
        let channels = loggedChannels
        let (end, log) = (hold.keeping.log.newest, hold.keeping.log)
        let bound = NIOLoopBound((connection: self, hold: hold), eventLoop: loop.eventLoop)
        log.count(Array(channels), after: SessionPlace.read(session.logPosition)) { count in
            bound.eventLoop.execute { bound.value.connection.drop(count ?? 0, upTo: end, bound.value.hold) }
        }
    }

    private func drop(_ count: Int, upTo end: UInt64, _ hold: SessionHold) {
        guard session.phase == .connected else { return }
        hold.isReading = false
        hold.passed(end, newest: end)
        guard count > 0 else { return readLog() }
        loop.counters.droppedMQTT.add(count)
        pass(end)
        session.hasProgressed = true
        guard session.version == .v5 else { return readLog() }
        self.end(.quotaExceeded, .overflow)
    }

    private func pause(_ hold: SessionHold, for time: TimeAmount) {
        hold.isReading = true
        loop.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: time) {
            hold.isReading = false
            self.readLog()
        }
    }

    private func pass(_ place: UInt64) {
        session.passed(SessionPlace.end(of: place))
    }

    /// False if there is no room for it now.
    private func deliver(_ message: Message) -> Bool {
        var packets = OutgoingPackets(message, at: loop.wallClock)
        return deliveries(of: message.topic)
            .allSatisfy { !$0.wants(message) || deliver(logged: &packets, $0) }
    }

    private func deliver(logged packets: inout OutgoingPackets, _ delivery: MQTTDelivery) -> Bool {
        guard !isQueueHalfFull, let hold else { return false }
        let message = packets.message
        let qos = packets.qos(delivery)
        let isExpired = message.properties?.expires.map { $0 <= loop.wallClock } ?? false
        let version = session.version
        var result = LogDelivery.passed
        feed { session, actions in
            result = session.deliver(
                packets.own(delivery, qos: qos, version: version),
                at: SessionPlace.of(message.place, isTyped: delivery.isTyped),
                isExpired: isExpired,
                into: &actions
            )
        }
        if result == .sent {
            idleness.carried()
            passedRetained.passed(message, isWanting: !wantingRetained.isEmpty)
            loop.counters.deliveredMQTT.add()
            if !hold.isLive {
                hold.backlog.messages += 1
                hold.backlog.bytes += message.size
            }
        }
        return result != .noRoom
    }

    // MARK: What is kept

    /// Whether what waits to go out has to wait until what it speaks of is kept; then it goes out by itself.
    func keepsFirst() -> Bool {
        guard let hold else { return false }
        guard !hold.isKeeping, hold.left == nil else { return true }
        guard session.mustBeKept else { return false }
        session.mustBeKept = false
        hold.heldBack = takeOutbound()
        hold.isKeeping = true
        keep(hold) { $0.wasKept($1, $2) }
        return true
    }

    /// Keeps how far the client has got, so that after a crash it hears less again. Nothing waits for it.
    func keepProgress() {
        guard let hold, session.hasProgressed, loop.now &- hold.lastKept >= Self.progressInterval else { return }
        keep(hold) { connection, isSafe, _ in
            if !isSafe { connection.session.hasProgressed = true }
        }
    }

    private func keep(_ hold: SessionHold, _ then: @escaping (MQTTConnection, Bool, SessionHold) -> Void) {
        guard let kept = session.kept else { return }
        session.hasProgressed = false
        hold.lastKept = loop.now
        let bound = NIOLoopBound((connection: self, hold: hold, then: then), eventLoop: loop.eventLoop)
        hold.keeping.store.keep(hold.record(kept, keptSubscriptions, expiry: session.expiry)) { isSafe in
            bound.eventLoop.execute { bound.value.then(bound.value.connection, isSafe, bound.value.hold) }
        }
    }

    private func wasKept(_ isSafe: Bool, _ hold: SessionHold) {
        hold.isKeeping = false
        guard session.phase != .closed else { return }
        guard isSafe else {
            // The client must not hear of what may be forgotten.
            hold.heldBack = nil
            _ = takeOutbound()
            return end(.serverBusy, .unavailable)
        }
        context?.channel.send(hold.heldBack)
        hold.heldBack = nil
        write()
        endIfDone()
    }

    // MARK: The end

    /// Gives the session back when the last of the client's messages has got where it was going, and calls back then.
    func leaveSession(_ then: @escaping () -> Void) {
        guard let hold else { return }
        guard hold.left == nil else {
            let before = hold.whenGivenBack
            hold.whenGivenBack = {
                before()
                then()
            }
            return
        }
        hold.left = .some(left(by: hold))
        hold.whenGivenBack = then
        // It goes out when all is kept that it speaks of.
        let rest = takeOutbound()
        if hold.heldBack == nil { hold.heldBack = rest } else if let rest { hold.heldBack?.writeImmutableBuffer(rest) }
        giveSessionBack()
    }

    /// Nil if the session is over.
    private func left(by hold: SessionHold) -> SessionRecord? {
        // One that hasn't begun is as it was.
        guard var left = session.left else { return hold.former }
        guard session.expiry > 0 else { return nil }
        if hold.isLive { left.sent = max(left.sent, SessionPlace.end(of: component.logTail)) }
        return hold.record(left, keptSubscriptions, expiry: session.expiry)
    }

    func giveSessionBack() {
        guard let hold, var left = hold.left, !hold.isGivenBack, unsettledPublishes.isEmpty else { return }
        hold.isGivenBack = true
        left?.session.giveUpRouting()
        let bound = NIOLoopBound((connection: self, hold: hold), eventLoop: loop.eventLoop)
        hold.keeping.store.giveBack(hold.client, left) { isSafe in
            bound.eventLoop.execute {
                let (connection, hold) = bound.value
                if isSafe { connection.context?.channel.send(hold.heldBack) }
                connection.hold = nil
                hold.whenGivenBack()
            }
        }
    }
}
