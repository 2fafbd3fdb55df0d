package import Messaging
internal import Synchronization

/// What an event loop counts. One writer, its loop; anybody may read, at any time.
package final class LoopCounters: Sendable {
    /// One number; adding is a plain load and store, since only the loop writes.
    package struct Number: ~Copyable, Sendable {
        private let value = Atomic<Int>(0)

        package func add(_ amount: Int = 1) {
            value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
        }

        package var current: Int { value.load(ordering: .relaxed) }
    }

    /// Access decisions looked up, one for each message.
    package let accessChecks = Number()
    /// Access decisions that had to be asked for.
    package let accessQuestions = Number()
    package let publishedHTTP = Number()
    package let publishedWS = Number()
    package let publishedMQTT = Number()
    package let deliveredWS = Number()
    package let deliveredMQTT = Number()
    /// Messages dropped because the subscriber's queue was full.
    package let droppedWS = Number()
    package let droppedMQTT = Number()
    /// How often a subscriber was behind for so long that its publishers wait for it no longer.
    package let tooSlow = Number()
    /// Messages that were too old to be delivered.
    package let expired = Number()
    /// How often a connection wasn't read from for a while because it publishes faster than it may.
    package let throttledWS = Number()
    package let throttledMQTT = Number()
    package let connectionsWS = Number()
    package let connectionsMQTT = Number()

    package init() {}

    package func published(_ source: SourceProtocol) {
        switch source {
        case .http: publishedHTTP.add()
        case .ws: publishedWS.add()
        case .mqtt: publishedMQTT.add()
        }
    }
}
