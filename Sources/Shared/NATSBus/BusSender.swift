internal import Messaging
internal import Metrics
internal import Model
internal import NIOCore

/// Sends messages. Made and owned by the thread of a ``WorkQueue``.
final class BusSender {
    /// Topics whose subject and common fields are remembered; beyond that all are forgotten.
    private static let capacity = 4_096

    private let connection: NATSConnection
    private let sent = Counter(label: "fluxgate_bus_sent_total")
    private let lost = Counter(label: "fluxgate_bus_lost_total")
    private var topics: [Topic: (subject: String, prefix: ByteBuffer)] = [:]
    private var buffer = ByteBuffer()
    /// The process, if its messages are numbered.
    private let id: UInt64?
    private var lastNumber: UInt64 = 0

    /// - Parameter id: what numbered messages name as their sender; nil: they aren't numbered.
    init(_ connection: NATSConnection, id: UInt64?) { (self.connection, self.id) = (connection, id) }

    /// Answers whether all have been handed to the client library.
    ///
    /// - Parameter destinations: of those that are to be retained, in their order.
    func send(
        _ batch: [Message],
        reply: String? = nil,
        retaining destinations: [RetainedStream.Destination] = []
    ) -> Bool {
        var (failures, destinations) = (0, destinations[...])
        for message in batch {
            let (subject, prefix) = known(message.topic)
            buffer.clear(minimumCapacity: 0)
            lastNumber += 1
            let stamp = id.map { BusStamp(sender: $0, number: lastNumber) }
            BusMessage.append(message, prefix: prefix, stamp: stamp, to: &buffer)
            do throws(NATSError) {
                // First, so that what is known to be stored is retained too.
                if message.retain, case .subject(let place)? = destinations.popFirst() {
                    try connection.publish(buffer.readableBytesView, to: place, reply: reply)
                }
                try connection.publish(
                    buffer.readableBytesView,
                    to: subject,
                    reply: reply,
                    headers: message.trace.headers
                )
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
