package import Logging
package import Messaging
internal import Metrics
package import Model
internal import NIOCore
internal import Synchronization

/// ``MessageBus`` over NATS: subjects and payloads are the contract's (section 5.2), so its other consumers can read along.
///
/// No event loop waits here: one thread sends, one subscribes, and the client library's brings what comes. What waits to be
/// sent is bounded by the loops, which stop reading when too much of theirs is under way; what comes in waits in the client
/// library, up to 16,384 messages and 8 MiB a subscription, and is dropped and counted beyond that.
package final class NATSMessageBus: MessageBus {
    private struct Outgoing: Sendable {
        let batch: [Message]
        let then: @Sendable (Bool) -> Void
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
    private let inbox = BusInbox()
    private let acks: StorageAcks?

    package var link: BusLink { connection.link }
    package var stores: Bool { acks != nil }

    /// - Parameters:
    ///   - connection: one that doesn't hear itself, and whose subscriptions share a thread.
    ///   - stores: whether a JetStream stream keeps what is published, and tells so.
    package init(_ connection: NATSConnection, stores: Bool = false, logger: Logger) {
        self.connection = connection
        let sender = BusSender(connection)
        let acks = stores ? StorageAcks() : nil
        self.acks = acks
        if let acks { connection.subscribe(.init(acks.subject), NATSReceiver { acks.answered($0) }) }
        outgoing = WorkQueue("bus-out") { items in
            for item in items {
                guard let acks else {
                    item.then(sender.send(item.batch))
                    continue
                }
                let (number, reply) = acks.begin(item.batch.count, then: item.then)
                if !sender.send(item.batch, reply: reply) { acks.fail(number) }
            }
        }
        let subscriber = BusSubscriber(connection, Self.makeReceiver(inbox, logger))
        changes = WorkQueue("bus-subscriptions") { changes in
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

    private static func makeReceiver(_ inbox: BusInbox, _ logger: Logger) -> NATSReceiver {
        let reader = Mutex(BusMessageReader())
        let malformed = Counter(label: "fluxgate_bus_malformed_total")
        return NATSReceiver { incoming in
            do throws(BusMessageReader.Failure) {
                let message = try reader.withLock { reader throws(BusMessageReader.Failure) in
                    try reader.read(incoming.payload, trace: incoming.trace)
                }
                // Who puts another channel's message on a subject gets it to nobody.
                guard incoming.subject.hasPrefix(BusSubject.base(of: message.topic.channel)) else {
                    return malformed.increment()
                }
                if let trace = message.trace {
                    logger.debug(
                        "message received",
                        metadata: ["trace_id": "\(trace.traceID)", "subject": "\(incoming.subject)"]
                    )
                }
                inbox.receive.withLock { $0 }?(message)
            } catch {
                malformed.increment()
                logger.debug("not a message", metadata: ["reason": "\(error)"])
            }
        }
    }

    package func start(receive: @escaping @Sendable (Message) -> Void) {
        inbox.receive.withLock { $0 = receive }
    }

    package func publish(_ batch: [Message], then: @escaping @Sendable (Bool) -> Void) {
        if !outgoing.add(Outgoing(batch: batch, then: then)) { then(false) }
    }

    /// Gives up on what is not stored in time, until the task is canceled.
    package func watch() async {
        while (try? await Task.sleep(for: .milliseconds(200))) != nil { acks?.expire(all: !link.isUp) }
    }

    package func join(_ channel: ChannelID) { changes.add(.join(channel)) }

    package func leave(_ channel: ChannelID) { changes.add(.leave(channel)) }

    package func whenJoined(_ then: @escaping @Sendable () -> Void) {
        if !changes.add(.settle(then)) { then() }
    }

    /// Sends what is waiting, if that doesn't take too long, and ends the threads; nothing is delivered any more.
    package func close() {
        inbox.receive.withLock { $0 = nil }
        outgoing.close(within: 3)
        acks?.expire(all: true)
        changes.close(within: 3)
    }
}

/// Where what comes is given to, once somebody wants it.
private final class BusInbox: Sendable {
    let receive = Mutex<(@Sendable (Message) -> Void)?>(nil)
}

/// Sends messages. Belongs to one thread.
private final class BusSender: @unchecked Sendable {
    /// Topics whose subject and common fields are remembered; beyond that all are forgotten.
    private static let capacity = 4_096

    private let connection: NATSConnection
    private let sent = Counter(label: "fluxgate_bus_sent_total")
    private let lost = Counter(label: "fluxgate_bus_lost_total")
    private var topics: [Topic: (subject: String, prefix: ByteBuffer)] = [:]
    private var buffer = ByteBuffer()

    init(_ connection: NATSConnection) { self.connection = connection }

    /// Answers whether all have been handed to the client library.
    func send(_ batch: [Message], reply: String? = nil) -> Bool {
        var failures = 0
        for message in batch {
            let (subject, prefix) = known(message.topic)
            buffer.clear(minimumCapacity: 0)
            BusMessage.append(message, prefix: prefix, to: &buffer)
            do throws(NATSError) {
                try connection.publish(buffer.readableBytesView, to: subject, reply: reply, trace: message.trace)
            } catch {
                failures += 1
            }
        }
        sent.increment(by: batch.count - failures)
        if failures > 0 { lost.increment(by: failures) }
        return failures == 0
    }

    private func known(_ topic: Topic) -> (subject: String, prefix: ByteBuffer) {
        if let known = topics[topic] { return known }
        if topics.count >= Self.capacity { topics.removeAll(keepingCapacity: true) }
        let made = (BusSubject.of(topic), BusMessage.prefix(of: topic))
        topics[topic] = made
        return made
    }
}

/// Keeps a subscription for each channel that anybody here listens to. Belongs to one thread.
private final class BusSubscriber: @unchecked Sendable {
    private let connection: NATSConnection
    private let receiver: NATSReceiver
    /// Loops that joined.
    private var members: [ChannelID: Int] = [:]

    init(_ connection: NATSConnection, _ receiver: NATSReceiver) {
        self.connection = connection
        self.receiver = receiver
    }

    func join(_ channel: ChannelID) {
        members[channel, default: 0] += 1
        guard members[channel] == 1 else { return }
        for interest in interests(channel) { connection.subscribe(interest, receiver) }
    }

    func leave(_ channel: ChannelID) {
        guard let count = members[channel] else { return }
        members[channel] = count > 1 ? count - 1 : nil
        guard count == 1 else { return }
        for interest in interests(channel) { connection.unsubscribe(interest) }
    }

    /// A message travels on one of the two only.
    private func interests(_ channel: ChannelID) -> [NATSConnection.Interest] {
        [.init(BusSubject.base(of: channel)), .init(BusSubject.below(channel))]
    }
}
