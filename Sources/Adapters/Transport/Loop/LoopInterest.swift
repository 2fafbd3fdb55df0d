internal import Messaging
package import Model
internal import NIOCore

/// The interest of one loop: which channels it has subscribers for. Confined to it.
package final class LoopInterest {
    private let filter: InterestFilter
    private let loop: Int
    private let eventLoop: any EventLoop
    private let bus: (any MessageBus)?
    /// Subscribers of each channel that was joined on the bus; 0: nobody since the last ``sweep()``.
    private var joined: [ChannelID: Int] = [:]
    /// Without subscribers since before the last ``sweep()``, and to be left at the next one: who comes back soon finds all in
    /// place.
    private var idle: Set<ChannelID> = []
    /// Without subscribers for a shorter time.
    private var emptied: Set<ChannelID> = []
    /// How often a channel was joined, and how many of these are known to be in force.
    private var joins = 0
    private var settledJoins = 0

    init(filter: InterestFilter, loop: Int, eventLoop: any EventLoop, bus: (any MessageBus)?) {
        self.filter = filter
        self.loop = loop
        self.eventLoop = eventLoop
        self.bus = bus
    }

    /// There is one subscriber more.
    package func add(_ channel: ChannelID) {
        filter.add(channel, loop: loop)
        guard let bus else { return }
        if joined[channel] == nil {
            bus.join(channel)
            joins += 1
        }
        joined[channel, default: 0] += 1
        idle.remove(channel)
    }

    /// There is one subscriber less.
    package func remove(_ channel: ChannelID) {
        filter.remove(channel, loop: loop)
        guard bus != nil, let count = joined[channel] else { return }
        joined[channel] = count - 1
        if count == 1 { emptied.insert(channel) }
    }

    /// There will be a subscriber any moment now: calls back when nothing that is published from then on passes it by.
    package func expect(_ channel: ChannelID, _ then: @escaping () -> Void) {
        add(channel)
        whenSettled {
            then()
            // What another loop hands over meanwhile is looked at after this turn, when the subscriber is there.
            self.eventLoop.assumeIsolatedUnsafeUnchecked().execute { self.remove(channel) }
        }
    }

    /// Calls back when nothing that is published from then on, anywhere, passes the subscribers by.
    package func whenSettled(_ then: @escaping () -> Void) {
        guard let bus, settledJoins < joins else { return then() }
        let target = joins
        let settled = NIOLoopBound(
            {
                self.settledJoins = max(self.settledJoins, target)
                then()
            },
            eventLoop: eventLoop
        )
        bus.whenJoined { [eventLoop] in eventLoop.execute { settled.value() } }
    }

    /// Leaves the channels that have had no subscriber since the last call.
    func sweep() {
        guard let bus else { return }
        for channel in idle where joined[channel] == 0 {
            joined[channel] = nil
            bus.leave(channel)
        }
        idle = emptied.filter { joined[$0] == 0 }
        emptied = []
    }
}
