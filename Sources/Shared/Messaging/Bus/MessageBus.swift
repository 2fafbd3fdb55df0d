package import Model
internal import Synchronization

/// The way of messages between processes. What a process publishes doesn't come back to it: it has delivered that already.
package protocol MessageBus: Sendable {
    /// Whether what is published now reaches the others.
    var link: BusLink { get }

    /// The channels of which it takes the messages of QoS 1 and 2, at loop 0 of the filter, and those of which it takes all, at loop 1; nil: it
    /// takes all messages.
    var interest: InterestFilter? { get }

    /// Whether a message may be acknowledged only when it is known to be stored.
    var stores: Bool { get }

    /// Takes over what one loop published in one turn. Never waits.
    ///
    /// - Parameter then: called once, on any thread, when the messages have been handed on, or stored if the bus does that, or
    ///   are lost with the connection; whether all of them are safe.
    func publish(_ batch: [Message], then: @escaping @Sendable (Bool) -> Void)

    /// From now on the channel's messages are wanted here; each call is undone by one of ``leave(_:)``.
    func join(_ channel: ChannelID)

    func leave(_ channel: ChannelID)

    /// Calls back, on any thread, when whatever is published anywhere from now on to a channel that was joined before will
    /// come here; soon and without that promise if the bus is out of reach. Of a cluster the promise holds for what is published
    /// to the same server; the others learn of it within milliseconds.
    func whenJoined(_ then: @escaping @Sendable () -> Void)

    /// Has what others publish given to the receiver; what the bus had lost on its way also from channels that nobody joined.
    func start(_ receiver: any BusReceiver)
}

extension MessageBus {
    package var interest: InterestFilter? { nil }
}

/// Who gets what other processes publish.
package protocol BusReceiver: Sendable {
    /// Called on a thread of the bus; may wait as long as there is no room.
    func receive(_ message: Message)

    /// Whether subscribers to the channel are behind. What the bus keeps of its messages had better wait; asked for every message of QoS 1 and 2.
    func isStrained(_ channel: ChannelID) -> Bool

    /// Calls back, on any thread, when the subscribers have room again after all that was received, or have taken too long.
    ///
    /// - Parameter channel: those to this channel; nil: all.
    func whenTaken(_ channel: ChannelID?, _ then: @escaping @Sendable () -> Void)
}

/// Whether a bus is connected, read for every message.
package final class BusLink: Sendable {
    private let state = Atomic(false)

    package init() {}

    package var isUp: Bool {
        get { state.load(ordering: .relaxed) }
        set { state.store(newValue, ordering: .relaxed) }
    }
}
