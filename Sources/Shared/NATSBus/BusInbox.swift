internal import Logging
internal import Messaging
internal import Metrics
internal import Model
internal import NIOCore
internal import Synchronization

/// Reads what comes, and gives it to whoever wants it.
final class BusInbox: Sendable {
    let receiver = Mutex<(any BusReceiver)?>(nil)

    private let reader = Mutex(BusMessageReader())
    private let malformed = Counter(label: "fluxgate_bus_malformed_total")
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    /// Nil if it is no message, or one that has no business on its subject: that is counted.
    ///
    /// - Parameter payload: the incoming message's.
    func read(_ payload: ByteBuffer, _ incoming: NATSMessage) -> (message: Message, stamp: BusStamp?)? {
        do throws(BusMessageReader.Failure) {
            let (message, stamp) = try reader.withLock { reader throws(BusMessageReader.Failure) in
                try reader.read(payload, trace: incoming.trace)
            }
            // Who puts another channel's message on a subject gets it to nobody.
            guard incoming.subject.hasPrefix(BusSubject.base(of: message.topic.channel)) else {
                malformed.increment()
                return nil
            }
            if let trace = message.trace {
                logger.debug(
                    "message received",
                    metadata: ["trace_id": "\(trace.traceID)", "subject": "\(incoming.subject)"]
                )
            }
            return (message, stamp)
        } catch {
            malformed.increment()
            logger.debug("not a message", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    func give(_ message: Message) { receiver.withLock { $0 }?.receive(message) }

    func isStrained(_ channel: ChannelID) -> Bool { receiver.withLock { $0 }?.isStrained(channel) ?? false }

    /// Calls back when the subscribers have room again.
    func whenTaken(_ channel: ChannelID?, _ then: @escaping @Sendable () -> Void) {
        if let receiver = receiver.withLock({ $0 }) { receiver.whenTaken(channel, then) } else { then() }
    }
}
