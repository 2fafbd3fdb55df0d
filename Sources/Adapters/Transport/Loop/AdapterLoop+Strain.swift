package import Model
internal import NIOCore

// Subscribers that are behind, and publishers that wait for them.
extension AdapterLoop {
    private static var pace: TimeAmount { .milliseconds(2) }
    /// Subscribers may be behind in turn. Longer than a publisher's turn among many takes.
    private static var longestWait: UInt64 { 4 * Laggards.patience }
    /// What is brought late of all channels waits no longer for anybody: it is for other tenants too.
    private static var longestPause: UInt64 { 1_000_000_000 }

    /// Much waits for a subscriber: who publishes to the channel waits for it too, for a while.
    package func isBehind(_ subscriber: any Subscriber, with channel: ChannelID) {
        if laggards.note(subscriber, channel, at: now) { links.strained.add(channel) }
        scheduleEasing()
    }

    /// Whether a message that is to be acknowledged had better wait before it is published to the channel.
    package func isStrained(_ channel: ChannelID) -> Bool { links.strained.contains(channel) }

    /// Calls back when the channel's subscribers have caught up, or have taken too long for it.
    package func whenEased(_ channel: ChannelID, _ resume: @escaping () -> Void) {
        waitingForEase.append((channel, now &+ Self.longestWait, resume))
        scheduleEasing()
    }

    /// The same for what the bus brought late; for all subscribers here if it is of no one channel.
    func whenTaken(_ channel: ChannelID?, _ then: @escaping @Sendable () -> Void) {
        guard isHeldUp(channel) else { return then() }
        waitingForEase.append((channel, now &+ (channel == nil ? Self.longestPause : Self.longestWait), then))
        scheduleEasing()
    }

    private func isHeldUp(_ channel: ChannelID?) -> Bool { channel.map(isStrained) ?? laggards.areWaitedFor }

    private func scheduleEasing() {
        guard !easingIsDue else { return }
        easingIsDue = true
        eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: Self.pace) { self.ease() }
    }

    func ease() {
        easingIsDue = false
        forgetLaggards()
        let waiting = waitingForEase
        waitingForEase = []
        let now = now
        for (channel, latest, resume) in waiting {
            // Who goes on may strain it again: then the next one goes on waiting.
            if now < latest, isHeldUp(channel) {
                waitingForEase.append((channel, latest, resume))
            } else {
                resume()
            }
        }
        if laggards.areWaitedFor || !waitingForEase.isEmpty { scheduleEasing() }
    }

    func forgetLaggards() {
        for channel in laggards.sweep(at: now) { links.strained.remove(channel) }
        counters.tooSlow.add(laggards.givenUp - counters.tooSlow.current)
    }
}
