internal import DequeModule
package import Messaging
package import Model
package import NIOCore

/// One event loop with all that the adapters have on it: nothing here is shared with another loop.
///
/// A message is matched on its own loop, handed to the other loops that may want it in one batch a turn, and written to
/// each subscriber's connection once a turn.
package final class AdapterLoop {
    /// How long an access question may take, in nanoseconds; after that it is answered as unavailable.
    static let longestQuestion: UInt64 = 5_000_000_000

    package let eventLoop: any EventLoop
    package let counters: LoopCounters
    package let access: AccessTable
    package let interest: LoopInterest

    package let index: Int
    /// What each tenant has; shared by all loops.
    package let tenants: TenantUse
    /// What a new connection's messages are measured by; nil: by nothing.
    let connectionRate: RateMeter?
    var tenantCredits: TenantCredits?
    let links: LoopLinks
    var laggards = Laggards()
    /// Who waits for a channel's subscribers, or all, and until when at most.
    var waitingForEase: [(channel: ChannelID?, latest: UInt64, resume: () -> Void)] = []
    var easingIsDue = false
    @exclusivity(unchecked) private var components: [any LoopComponent] = []
    @exclusivity(unchecked) private var outboxes: [MessageBatch]
    /// Whether one turn has brought so much for another loop that the rest had better wait for the next.
    @exclusivity(unchecked) private var isOutboxFull = false
    @exclusivity(unchecked) private var turnEndIsDue = false
    private var waitingForPeers: Deque<() -> Void> = []
    private var isResuming = false
    /// Nil if there is nobody beyond this process.
    private let busLink: BusLink?
    /// Whether messages are acknowledged only when the bus has stored them.
    private let stores: Bool
    private var waitingForStorage: [(Bool) -> Void] = []
    /// Nanoseconds between the loop's clock and 1970.
    private let epoch: UInt64
    private let clock: () -> UInt64

    /// - Parameter clock: nanoseconds that only go forward.
    init(
        index: Int,
        eventLoop: any EventLoop,
        links: LoopLinks,
        limits: LoopLimits = LoopLimits(),
        counters: LoopCounters,
        epoch: UInt64,
        ages: AccessAges,
        clock: @escaping () -> UInt64 = { NIODeadline.now().uptimeNanoseconds },
        ask: @escaping (AccessQuestion) -> Void
    ) {
        self.index = index
        self.eventLoop = eventLoop
        self.links = links
        self.tenants = limits.tenants
        self.connectionRate = limits.connectionRate
        self.tenantCredits = limits.tenantRates.map(TenantCredits.init)
        self.counters = counters
        self.epoch = epoch
        self.clock = clock
        self.interest = LoopInterest(filter: links.interest, loop: index, eventLoop: eventLoop, bus: links.bus)
        self.busLink = links.bus?.link
        self.stores = links.bus?.stores ?? false
        self.outboxes = Array(repeating: MessageBatch(), count: links.count)
        let lost = LostRights()
        self.access = AccessTable(ages: ages) { event, reason in
            lost.loop?.end(event, reason)
        } ask: { question in
            counters.accessQuestions.add()
            ask(question)
        }
        lost.loop = self
    }

    /// The loop's clock in nanoseconds; it only goes forward.
    package var now: UInt64 { clock() }

    /// Nanoseconds since 1970 by the loop's clock.
    package var wallClock: UInt64 { epoch &+ now }

    /// The loop's clock at a time in nanoseconds since 1970.
    package func time(of wallClock: UInt64) -> UInt64 { wallClock > epoch ? wallClock - epoch : 0 }

    func add(_ component: any LoopComponent) {
        components.append(component)
    }

    package var connectionCount: Int {
        components.reduce(0) { $0 + $1.connectionCount }
    }

    // MARK: Publishing

    /// Publishes on a right that was granted.
    package func publish(_ request: PublishRequest, by grant: ChannelGrant, at now: UInt64) -> PublishResult {
        guard grant.isGood(at: now), let message = Message(request, by: grant, at: epoch &+ now) else { return .stale }
        if let busLink, !busLink.isUp { return .unavailable }
        counters.accessChecks.add()
        counters.published(request.source)
        if message.retain { links.retained?.retain(message, of: grant.identity.tenant) }
        for index in components.indices { components[index].deliver(message) }
        for peer in outboxes.indices where peer != index {
            guard links.wants(message, at: peer) else { continue }
            outboxes[peer].append(message, size: links.size(of: message, to: peer))
            if message.qos > 0, outboxes[peer].messages.count >= links.mostFromOne { isOutboxFull = true }
        }
        scheduleTurnEnd()
        return stores ? .storing : .published
    }

    /// Calls back when it is known whether what was published last is stored; in the order of these calls.
    package func whenStored(_ then: @escaping (Bool) -> Void) { waitingForStorage.append(then) }

    /// Delivers what other loops, or other processes, published.
    func receive(_ batch: MessageBatch, from peer: Int) {
        for message in batch.messages {
            // One that has waited for longer than it lives isn't delivered any more [MQTT-3.3.2-5].
            if let expires = message.properties?.expires, expires <= wallClock {
                counters.expired.add()
                continue
            }
            for index in components.indices { components[index].deliver(message) }
        }
        links.delivered(batch, from: peer, to: index)
        scheduleTurnEnd()
    }

    /// Delivers what a log has got.
    func logged(_ messages: [Message]?, upTo place: UInt64) {
        for component in components { component.logged(messages, upTo: place) }
        scheduleTurnEnd()
    }

    /// What was known of a log's places isn't so any more.
    func logLost() {
        for component in components { component.logLost() }
        scheduleTurnEnd()
    }

    /// Nil if messages aren't kept for later subscribers.
    package var retained: (any RetainedMessages)? { links.retained }

    /// There is a session more, or less, that reads the channel's messages from the log.
    package func expectLogged(_ channel: ChannelID) { links.logInterest.add(channel, loop: index) }
    package func stopExpectingLogged(_ channel: ChannelID) { links.logInterest.remove(channel, loop: index) }

    /// Has ``LoopComponent/turnEnded()`` called when this turn's events have been worked off.
    package func scheduleTurnEnd() {
        guard !turnEndIsDue else { return }
        turnEndIsDue = true
        eventLoop.assumeIsolatedUnsafeUnchecked().execute { self.endTurn() }
    }

    private func endTurn() {
        turnEndIsDue = false
        // First what was published, then the acknowledgements of it: who has his finds it handed on.
        for peer in outboxes.indices where !outboxes[peer].messages.isEmpty {
            let batch = outboxes[peer].take()
            links.hand(batch, from: index, to: peer, then: links.isBus(peer) ? storageWaiters() : nil)
        }
        for component in components { component.turnEnded() }
        guard isOutboxFull else { return }
        isOutboxFull = false
        peersCaughtUp()
    }

    /// Those who wait for what this turn published.
    private func storageWaiters() -> (@Sendable (Bool) -> Void)? {
        guard !waitingForStorage.isEmpty else { return nil }
        let waiting = NIOLoopBound(waitingForStorage, eventLoop: eventLoop)
        waitingForStorage = []
        return { [eventLoop] isStored in
            eventLoop.execute { for then in waiting.value { then(isStored) } }
        }
    }

    // MARK: Backpressure

    /// Whether another loop is so far behind that publishers here must wait.
    package var isCongested: Bool { isOutboxFull || links.isCongested(from: index) }

    /// Calls back when the other loops have caught up.
    package func whenUncongested(_ resume: @escaping () -> Void) {
        waitingForPeers.append(resume)
        peersCaughtUp()
    }

    /// Resumes who waits, one after the other, until there is enough for the peers again.
    func peersCaughtUp() {
        guard !isResuming else { return }
        isResuming = true
        defer { isResuming = false }
        while !waitingForPeers.isEmpty, !isOutboxFull, links.mayResume(index) { waitingForPeers.removeFirst()() }
    }

    // MARK: Rights and time

    func apply(_ event: AccessEvent) {
        access.apply(event)
        end(event, .taken)
    }

    private func end(_ event: AccessEvent, _ reason: AccessLoss) {
        for component in components { component.apply(event, reason) }
    }

    func sweep() {
        let now = now
        access.giveUp(askedBefore: now - min(now, Self.longestQuestion), at: now)
        for component in components { component.sweep(at: now) }
        interest.sweep()
        forgetLaggards()
    }

    func shutDown() {
        for component in components { component.shutDown() }
    }
}

/// The way from a table to the loop that it was made for.
private final class LostRights {
    /// Not weak: what is referred to so pays for it with every retain.
    unowned var loop: AdapterLoop?
}

/// What became of a message that was to be published.
package enum PublishResult {
    case published
    /// It is on its way, and to be acknowledged when it is stored: ``AdapterLoop/whenStored(_:)``.
    case storing
    /// The right is no longer good: ask again.
    case stale
    /// The bus is out of reach: the same message may be taken later.
    case unavailable
}
