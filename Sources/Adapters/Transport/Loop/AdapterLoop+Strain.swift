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

    /// Whether a subscriber to the channel, on any loop, is behind and waited for.
    func isStrained(_ channel: ChannelID) -> Bool { links.strained.contains(channel) }

    /// Whether a message had better wait before it is published: another loop is behind, or, with one that is to be acknowledged, a
    /// subscriber so far that it would soon lose what was promised.
    package func isHeldUp(_ channel: ChannelID, qos: UInt8) -> Bool { isCongested || qos > 0 && isStrained(channel) }

    /// Calls back, maybe at once, when there is room for the message with other loops, and when the channel's subscribers have
    /// caught up or have taken too long for it.
    package func whenThereIsRoom(_ channel: ChannelID, qos: UInt8, _ publish: @escaping () -> Void) {
        if isCongested {
            whenUncongested { self.whenThereIsRoom(channel, qos: qos, publish) }
        } else if qos > 0, isStrained(channel) {
            waitingForEase.append((channel, now &+ Self.longestWait, publish))
            scheduleEasing()
        } else {
            publish()
        }
    }

    /// The same for what the bus brought late; for all subscribers here if it is of no one channel.
    func whenTaken(_ channel: ChannelID?, _ then: @escaping @Sendable () -> Void) {
        guard isAwaited(channel) else { return then() }
        waitingForEase.append((channel, now &+ (channel == nil ? Self.longestPause : Self.longestWait), then))
        scheduleEasing()
    }

    /// Whether there are subscribers that are behind and waited for: with the channel, or at all.
    private func isAwaited(_ channel: ChannelID?) -> Bool { channel.map(isStrained) ?? laggards.areWaitedFor }

    private func scheduleEasing() {
        guard !easingIsDue else { return }
        easingIsDue = true
        eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: Self.pace) { self.ease() }
    }

    func ease() {
        easingIsDue = false
        forgetLaggards()
        var waiting = waitingForEase
        waitingForEase = []
        let now = now
        waiting.removeAll { channel, latest, resume in
            // Who goes on may strain it again: then the next one goes on waiting, and is before it the next time.
            if now < latest, isAwaited(channel) { return false }
            resume()
            return true
        }
        waitingForEase = waiting + waitingForEase
        if laggards.areWaitedFor || !waitingForEase.isEmpty { scheduleEasing() }
    }

    func forgetLaggards() {
        for channel in laggards.sweep(at: now) { links.strained.remove(channel) }
        counters.tooSlow.add(laggards.givenUp - counters.tooSlow.current)
    }
}
