package import Logging
package import Messaging
package import Model
internal import NIOCore
internal import Synchronization

/// ``MessageBus`` over NATS: subjects and payloads are the contract's (section 5.2), so its other consumers can read along.
///
/// No event loop waits here: one thread sends, one subscribes, and the client library's brings what comes. What waits to be
/// sent is bounded by the loops, which stop reading when too much of theirs is under way; what comes in waits in the client
/// library, up to 16,384 messages and 8 MiB a subscription, and is dropped and counted beyond that.
package final class NATSMessageBus: MessageBus {
    private enum Outgoing: Sendable {
        /// - Parameter losses: as ``NATSConnection/losses`` was when it was published.
        case batch([Message], losses: Int, then: @Sendable (Bool) -> Void)
        case word(String, to: String, reply: String?)
    }

    private enum Change: Sendable {
        case join(ChannelID)
        case leave(ChannelID)
        case settle(@Sendable () -> Void)
    }

    /// How long a subscriber waits for the server to know of its subscription.
    private static let settleTimeout = Duration.seconds(2)

    private let connection: NATSConnection
    private let outgoing: WorkQueue<Outgoing>
    private let changes: WorkQueue<Change>
    private let inbox: BusInbox
    private let acks: StorageAcks?
    private let catchUp: CatchUp?

    package var link: BusLink { connection.link }
    package var stores: Bool { acks != nil }

    /// - Parameters:
    ///   - connection: one that doesn't hear itself, and whose subscriptions share a thread.
    ///   - stream: keeps what is published, and tells so; nil: messages go by.
    ///   - retained: keeps what is published for later subscribers; only with a stream.
    package init(
        _ connection: NATSConnection,
        stream: MessageStream? = nil,
        retained: RetainedStream? = nil,
        logger: Logger
    ) {
        self.connection = connection
        let id = stream.map { _ in UInt64.random(in: 1 ... .max) }
        let inbox = BusInbox(logger)
        self.inbox = inbox
        let acks = stream.map { _ in StorageAcks() }
        self.acks = acks
        if let acks {
            connection.subscribe(.init(acks.subject), NATSReceiver { acks.answered($0) })
            // Before there is a connection again: what is published by that mustn't overtake what was lost with this.
            connection.observe(onChange: { isUp in if !isUp { acks.expire(all: true) } }, onGap: {})
        }
        outgoing = WorkQueue("bus-out") {
            let sender = BusSender(connection, id: id)
            return { items in
                for item in items {
                    switch item {
                    case .batch(let batch, let losses, let then):
                        // It mustn't overtake what was lost.
                        guard acks == nil || losses == connection.losses else {
                            then(false)
                            continue
                        }
                        guard let acks else {
                            then(sender.send(batch))
                            continue
                        }
                        let destinations = batch.filter(\.retain).compactMap { retained?.destination(of: $0) }
                        guard !destinations.contains(.unknown) else {
                            then(false)
                            continue
                        }
                        let count = batch.count + destinations.count { $0 != .none }
                        let (number, reply) = acks.begin(count, then: then)
                        if !sender.send(batch, reply: reply, retaining: destinations) { acks.fail(number) }
                    case .word(let word, let subject, let reply):
                        try? connection.publish(ByteBuffer(string: word).readableBytesView, to: subject, reply: reply)
                    }
                }
            }
        }
        let outgoing = outgoing
        catchUp = stream.map { stream in
            CatchUp(connection, stream, inbox, own: id ?? 0, logger: logger) { word, subject, reply in
                outgoing.add(.word(word, to: subject, reply: reply))
            }
        }
        let catchUp = catchUp
        let receiver = NATSReceiver { incoming in
            guard let (message, stamp) = inbox.read(incoming.payload, incoming), catchUp?.live(message, stamp) ?? true
            else { return }
            inbox.give(message)
        }
        changes = WorkQueue("bus-subscriptions") {
            let subscriber = BusSubscriber(connection, receiver)
            return { changes in
                var waiting: [@Sendable () -> Void] = []
                for change in changes {
                    switch change {
                    case .join(let channel): subscriber.join(channel)
                    case .leave(let channel): subscriber.leave(channel)
                    case .settle(let then): waiting.append(then)
                    }
                }
                // If the bus is out of reach, its subscriptions come back with it.
                if connection.link.isUp { try? connection.flush(timeout: Self.settleTimeout) }
                for then in waiting { then() }
            }
        }
    }

    package func start(_ receiver: any BusReceiver) {
        inbox.receiver.withLock { $0 = receiver }
    }

    package func publish(_ batch: [Message], then: @escaping @Sendable (Bool) -> Void) {
        if !outgoing.add(.batch(batch, losses: connection.losses, then: then)) { then(false) }
    }

    /// Gives up on what is not stored in time, and catches up with what was missed, until the task is canceled.
    package func watch() async {
        async let isCaughtUp: Void? = catchUp?.run()
        while (try? await Task.sleep(for: .milliseconds(200))) != nil { acks?.expire(all: !link.isUp) }
        await isCaughtUp
    }

    package func join(_ channel: ChannelID) { changes.add(.join(channel)) }

    package func leave(_ channel: ChannelID) { changes.add(.leave(channel)) }

    package func whenJoined(_ then: @escaping @Sendable () -> Void) {
        if !changes.add(.settle(then)) { then() }
    }

    /// Sends what is waiting, if that doesn't take too long, and ends the threads; nothing is delivered any more.
    package func close() {
        inbox.receiver.withLock { $0 = nil }
        catchUp?.close()
        outgoing.close(within: 3)
        acks?.expire(all: true)
        changes.close(within: 3)
    }
}
