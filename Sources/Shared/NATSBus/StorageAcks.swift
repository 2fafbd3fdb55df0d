internal import Foundation
internal import Model
internal import NIOCore
internal import Synchronization

/// Which batches JetStream has stored: every message is published with a subject of ours to answer to, and a batch is safe when
/// all its answers are good.
final class StorageAcks: Sendable {
    private struct Batch {
        var missing: Int
        let deadline: ContinuousClock.Instant
        let then: @Sendable (Bool) -> Void
    }

    private struct State {
        var batches: [UInt64: Batch] = [:]
        var last: UInt64 = 0
    }

    /// How long a server may take to store a batch.
    private static let timeout = Duration.seconds(5)

    /// What answers are sent to, before the number of the batch.
    private let inbox = "_INBOX.\(UniqueID.random())"
    private let state = Mutex(State())

    var subject: String { inbox + ".*" }

    /// Expects the answers to so many messages. Answers what they are to be sent to.
    func begin(_ count: Int, then: @escaping @Sendable (Bool) -> Void) -> (number: UInt64, reply: String) {
        let number = state.withLock { state in
            state.last &+= 1
            state.batches[state.last] = Batch(missing: count, deadline: .now + Self.timeout, then: then)
            return state.last
        }
        return (number, "\(inbox).\(number)")
    }

    /// One answer: `{"stream":…,"seq":…}`, or `{"error":…}`, or nothing from nobody.
    func answered(_ message: NATSMessage) {
        guard let number = message.subject.split(separator: ".").last.flatMap({ UInt64($0) }) else { return }
        let isStored = Self.isStored(message.payload)
        let batch = state.withLock { state -> Batch? in
            guard var batch = state.batches[number] else { return nil }
            batch.missing -= 1
            let isOver = !isStored || batch.missing == 0
            state.batches[number] = isOver ? nil : batch
            return isOver ? batch : nil
        }
        batch?.then(isStored)
    }

    private static func isStored(_ payload: ByteBuffer) -> Bool {
        guard case .object(let members)? = try? JSONValue(parsing: String(buffer: payload)) else { return false }
        if case .integer? = members["seq"] { return members["error"] == nil }
        return false
    }

    /// The batch couldn't be sent whole.
    func fail(_ number: UInt64) {
        state.withLock { $0.batches.removeValue(forKey: number) }?.then(false)
    }

    /// Fails those that have waited too long, or all.
    func expire(all: Bool = false) {
        let now = ContinuousClock.now
        let expired = state.withLock { state in
            let expired = state.batches.filter { all || $0.value.deadline < now }
            for number in expired.keys { state.batches[number] = nil }
            return expired
        }
        for batch in expired.sorted(by: { $0.key < $1.key }) { batch.value.then(false) }
    }
}
