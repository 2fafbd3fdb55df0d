import MQTTCodec
import NIOCore

/// The QoS 1 and 2 messages to the client: those in flight, and those that wait.
///
/// Overflow rule: the queue is bounded in messages and in bytes, and refuses the newest.
struct OutboundMessages: Sendable {
    /// Which packet ends the wait: QoS 1 `puback`, QoS 2 `pubrec` → `pubcomp`.
    enum Stage: Sendable {
        case puback
        case pubrec
        case pubcomp
    }

    var inFlight = PacketTable<Stage>()
    /// How many may be in flight.
    var window: UInt16 = 0
    private var lastID: UInt16 = 0
    // Made when first used: a circular buffer holds storage even when it is empty.
    private var queue: CircularBuffer<Publish>?
    private(set) var queuedBytes = 0

    var queuedMessages: Int { queue?.count ?? 0 }

    var hasRoom: Bool { inFlight.count < Int(window) }

    /// Gives the message an identifier and takes note of it; the caller has looked for room.
    mutating func begin(_ publish: consuming Publish) -> Publish {
        var publish = publish
        repeat { lastID = lastID == .max ? 1 : lastID + 1 } while inFlight.contains(lastID)
        inFlight[lastID] = publish.qos == .exactlyOnce ? .pubrec : .puback
        publish.packetID = lastID
        publish.dup = false
        return publish
    }

    /// Lets the message wait; `false` when the queue is full.
    mutating func enqueue(_ publish: consuming Publish, settings: SessionSettings) -> Bool {
        let size = Self.size(of: publish)
        guard queuedMessages < settings.maximumQueuedMessages, queuedBytes + size <= settings.maximumQueuedBytes else {
            return false
        }
        if queue == nil { queue = CircularBuffer(initialCapacity: 4) }
        queue?.append(publish)
        queuedBytes += size
        return true
    }

    /// The oldest message that waits.
    mutating func dequeue() -> Publish? {
        guard let publish = queue?.popFirst() else { return nil }
        queuedBytes -= Self.size(of: publish)
        if queue?.isEmpty == true { queue = nil }
        return publish
    }

    private static func size(of publish: borrowing Publish) -> Int {
        publish.topic.readableBytes + publish.payload.readableBytes
    }
}
