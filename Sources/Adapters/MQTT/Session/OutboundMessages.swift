internal import DequeModule
import MQTTCodec
import NIOCore

/// The QoS 1 and 2 messages to the client: those in flight, and those that wait.
///
/// Overflow rule: the queue is bounded in messages and in bytes, and refuses the newest.
struct OutboundMessages {
    var inFlight = PacketTable<DeliveryStage>()
    /// Of a kept session.
    var log: LogDeliveries?
    /// Of those in flight that are shared, by packet identifier: where they stand in the log.
    var shared: [UInt16: SharedPlace] = [:]
    /// How many may be in flight.
    var window: UInt16 = 0
    var lastID: UInt16 = 0
    private var queue: Deque<Waiting> = []
    private(set) var queuedBytes = 0
    /// Messages that were too old when their turn came.
    var expired = 0

    private struct Waiting: Sendable {
        let publish: Publish
        /// When it is too old.
        let expires: NIODeadline?
    }

    var queuedMessages: Int { queue.count }

    var hasRoom: Bool { inFlight.count < Int(window) }

    /// Gives the message an identifier and takes note of it; the caller has looked for room.
    mutating func begin(_ publish: consuming Publish) -> Publish {
        var publish = publish
        let stage: DeliveryStage = publish.qos == .exactlyOnce ? .pubrec : .puback
        repeat {
            lastID = lastID == .max ? 1 : lastID + 1
        } while log?.isTaken(lastID) == true || !inFlight.enter(lastID, stage)
        publish.packetID = lastID
        publish.dup = false
        return publish
    }

    /// Sends a message again that was in flight on an earlier connection.
    mutating func resume(_ publish: consuming Publish, _ former: KeptSession.InFlight) -> Publish {
        var publish = publish
        publish.packetID = former.packetID
        publish.dup = true
        // The QoS of the first time: its exchange goes on.
        publish.qos = former.stage == .puback ? .atLeastOnce : .exactlyOnce
        inFlight[former.packetID] = former.stage
        return publish
    }

    /// Lets the message wait; `false` when the queue is full.
    mutating func enqueue(_ publish: consuming Publish, expires: NIODeadline?, settings: SessionSettings) -> Bool {
        let size = Self.size(of: publish)
        guard queuedMessages < settings.maximumQueuedMessages, queuedBytes + size <= settings.maximumQueuedBytes else {
            return false
        }
        queue.append(Waiting(publish: publish, expires: expires))
        queuedBytes += size
        return true
    }

    /// The oldest message that waits and isn't too old [MQTT-3.3.2-5]; it says how long it still lives [MQTT-3.3.2-6].
    mutating func dequeue(at now: NIODeadline) -> Publish? {
        while let next = queue.popFirst() {
            queuedBytes -= Self.size(of: next.publish)
            // Storage is given back.
            if queue.isEmpty { queue = [] }
            guard let expires = next.expires else { return next.publish }
            guard expires > now else {
                expired += 1
                continue
            }
            var publish = next.publish
            guard publish.properties.messageExpiryInterval != nil else { return publish }
            let left = (expires - now + .seconds(1) - .nanoseconds(1)).nanoseconds / 1_000_000_000
            publish.properties.remove(.messageExpiryInterval)
            publish.properties.append(.messageExpiryInterval(UInt32(clamping: left)))
            return publish
        }
        return nil
    }

    private static func size(of publish: borrowing Publish) -> Int {
        publish.topic.readableBytes + publish.payload.readableBytes
            + (publish.properties.isEmpty ? 0 : publish.properties.encodedLength)
    }
}
