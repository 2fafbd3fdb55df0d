internal import DequeModule
internal import Foundation
package import Logging
package import Messaging
internal import Metrics
package import Model
internal import NIOCore
package import SQL
internal import ServiceLifecycle
internal import Synchronization

/// Keeps what is published in one process, as the bus between processes keeps it: ``MessageBus`` without anybody beyond.
///
/// What came while one transaction was committed goes into the next: however long a commit takes, they are few.
package final class MessageStore: MessageBus, Service {
    private struct Batch: Sendable {
        let messages: [Message]
        let then: @Sendable (Bool) -> Void
    }

    private static let schema = [
        Migration("messages_1") { dialect in
            [
                """
                CREATE TABLE messages (
                    number \(dialect.serialType),
                    created BIGINT NOT NULL,
                    size BIGINT NOT NULL,
                    message \(dialect.blobType) NOT NULL
                )
                """
            ]
        }
    ]
    /// Most rows that are removed at a time.
    private static let portion: Int64 = 10_000

    package let link = BusLink()
    package var stores: Bool { true }

    private let database: any SQLDatabase
    private let maximumBytes: Int64
    private let maximumAge: Duration
    private let logger: Logger
    private let waiting = Mutex<(batches: Deque<Batch>, isEnded: Bool)>(([], false))
    /// Bytes of all that is kept.
    private let size: Atomic<Int64>
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - database: for the messages alone.
    ///   - maximumBytes: of all that is kept; the oldest goes first.
    package init(_ database: any SQLDatabase, maximumBytes: Int, maximumAge: Duration, logger: Logger) async throws {
        self.database = database
        self.maximumBytes = Int64(maximumBytes)
        self.maximumAge = maximumAge
        self.logger = logger
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        try await database.migrate(Self.schema)
        let kept = try await database.read { session in
            try session.query("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS size FROM messages", [])
                .first?.integer("size")
        }
        size = Atomic(kept ?? 0)
        link.isUp = true
    }

    package func publish(_ batch: [Message], then: @escaping @Sendable (Bool) -> Void) {
        let isTaken = waiting.withLock { waiting in
            if !waiting.isEnded { waiting.batches.append(Batch(messages: batch, then: then)) }
            return !waiting.isEnded
        }
        if isTaken { wakeUp.yield() } else { then(false) }
    }

    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while (try? await Task.sleep(for: .seconds(5))) != nil { await self.removeOld() }
            }
            for await _ in wakeUps.cancelOnGracefulShutdown() { await store(take()) }
            group.cancelAll()
        }
        await store(take(isEnding: true))
    }

    private func take(isEnding: Bool = false) -> [Batch] {
        waiting.withLock { waiting in
            waiting.isEnded = isEnding
            defer { waiting.batches = [] }
            return Array(waiting.batches)
        }
    }

    private func store(_ batches: [Batch]) async {
        guard !batches.isEmpty else { return }
        let (rows, bytes) = Self.rows(of: batches.lazy.flatMap(\.messages))
        var isStored = true
        do {
            try await database.write { session in
                try session.insert(into: "messages", columns: ["created", "size", "message"], rows: rows)
            }
            size.add(bytes, ordering: .relaxed)
        } catch {
            isStored = false
            Counter(label: "fluxgate_bus_lost_total").increment(by: rows.count)
            logger.error("messages not stored", metadata: ["count": "\(rows.count)", "reason": "\(error)"])
        }
        for batch in batches { batch.then(isStored) }
    }

    private static func rows(of messages: some Sequence<Message>) -> (rows: [[SQLValue]], bytes: Int64) {
        var (buffer, bytes) = (ByteBuffer(), Int64(0))
        let rows = messages.map { message -> [SQLValue] in
            buffer.clear()
            BusMessage.append(message, prefix: BusMessage.prefix(of: message.topic), to: &buffer)
            bytes += Int64(buffer.readableBytes)
            return [
                .integer(Int64(clamping: message.created)), .integer(Int64(buffer.readableBytes)),
                .blob(Array(buffer.readableBytesView)),
            ]
        }
        return (rows, bytes)
    }

    /// Removes what is too old, and of the rest the oldest that is too much.
    package func removeOld() async {
        let seconds = Date.now.timeIntervalSince1970 - Double(maximumAge.milliseconds) / 1_000
        do {
            while try await removeSome(createdBefore: Int64(max(0, min(seconds, 9e9)) * 1e9)) {}
        } catch {
            logger.error("old messages not removed", metadata: ["reason": "\(error)"])
        }
    }

    /// Answers whether there may be more to remove.
    private func removeSome(createdBefore oldest: Int64) async throws -> Bool {
        let excess = max(0, size.load(ordering: .relaxed) - maximumBytes)
        let (count, bytes) = try await database.write { session in
            let first = try session.query("SELECT created FROM messages ORDER BY number LIMIT 1", []).first
            guard let first, try excess > 0 || first.integer("created") < oldest else { return (Int64(0), Int64(0)) }
            // Each is removed if what came before it doesn't suffice.
            let removed = try session.query(
                """
                DELETE FROM messages WHERE number IN (
                    SELECT number FROM (
                        SELECT number, created, SUM(size) OVER (ORDER BY number) - size AS before
                        FROM (SELECT number, created, size FROM messages ORDER BY number LIMIT \(Self.portion)) AS first
                    ) AS sums WHERE created < $1 OR before < $2
                ) RETURNING size
                """,
                [.integer(oldest), .integer(excess)]
            )
            return (Int64(removed.count), try removed.reduce(0) { try $0 + $1.integer("size") })
        }
        size.subtract(bytes, ordering: .relaxed)
        return count == Self.portion
    }

    // MARK: Nobody beyond this process

    package func join(_ channel: ChannelID) {}
    package func leave(_ channel: ChannelID) {}
    package func whenJoined(_ then: @escaping @Sendable () -> Void) { then() }
    package func start(_ receiver: any BusReceiver) {}
}
