internal import Foundation
package import Logging
package import Messaging
internal import Metrics
package import Model
internal import NIOCore
package import SQL
internal import ServiceLifecycle
internal import Synchronization

/// Keeps what is published in one process, as the bus between processes keeps it: ``MessageBus`` without anybody beyond, and the
/// ``MessageLog`` of its sessions; a message's place is the number of its row.
package final class MessageStore: MessageBus, Service {
    private struct Batch: Sendable {
        let messages: [Message]
        let then: @Sendable (Bool) -> Void
    }

    private enum Work: Sendable {
        case messages(Batch)
        case other(TransactionPart)
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
        },
        // Of rows that sessions may read; the others cost the index nothing.
        Migration("messages_2") { dialect in
            [
                "ALTER TABLE messages ADD COLUMN channel \(dialect.idType)",
                "CREATE INDEX messages_channel ON messages (channel, number) WHERE channel IS NOT NULL",
            ]
        },
        retainedSchema,
        // Messages of QoS 2 of sessions.
        Migration("messages_3") { _ in
            [
                "ALTER TABLE messages ADD COLUMN origin BIGINT",
                "ALTER TABLE messages ADD COLUMN exchange BIGINT",
                "CREATE INDEX messages_origin ON messages (origin) WHERE origin IS NOT NULL",
            ]
        },
        retainedPlaces,
    ]
    private static let columns = ["created", "size", "message", "channel", "origin", "exchange"]
    /// Most rows that are removed at a time.
    private static let portion: Int64 = 10_000

    package let link = BusLink()
    package let stores: Bool
    package let interest: InterestFilter?

    let database: any SQLDatabase
    private let maximumBytes: Int64
    private let maximumAge: Duration
    let logger: Logger
    private let commits = GroupCommit<Work>()
    let channels = Mutex(KeptChannels())
    let receivers = Mutex<[any LogReceiver]>([])
    let lastPlace: Atomic<UInt64>
    /// Of channels that have any.
    let retainedCounts = Mutex<[ChannelID: Int]>([:])
    let lastRetained: Mutex<UInt64>
    let maximumRetained: Int
    /// Bytes of all that is kept.
    private let size: Atomic<Int64>

    /// - Parameters:
    ///   - database: for the messages alone.
    ///   - keepsAll: whether all messages are stored, and acknowledged when they are; else those alone that sessions read, beside
    ///     their delivery.
    ///   - maximumBytes: of all that is kept; the oldest goes first.
    ///   - maximumRetained: messages of one channel that are kept for later subscribers.
    package init(
        _ database: any SQLDatabase,
        keepsAll: Bool = true,
        maximumBytes: Int,
        maximumAge: Duration,
        maximumRetained: Int = 10_000,
        logger: Logger
    ) async throws {
        self.maximumRetained = maximumRetained
        self.database = database
        stores = keepsAll
        interest = keepsAll ? nil : InterestFilter(loops: 2)
        self.maximumBytes = Int64(maximumBytes)
        self.maximumAge = maximumAge
        self.logger = logger
        try await database.migrate(Self.schema)
        let (kept, last) = try await database.read { session in
            let sums = "CAST(COALESCE(SUM(size), 0) AS BIGINT) AS size, COALESCE(MAX(number), 0) AS last"
            guard let row = try session.query("SELECT \(sums) FROM messages", []).first else {
                return (Int64(0), Int64(0))
            }
            return (try row.integer("size"), try row.integer("last"))
        }
        let retained = try await database.read { session in try Self.countRetained(in: session) }
        for (channel, count) in retained { retainedCounts.withLock { $0[channel] = count } }
        let places = try await database.read { session in
            try session.query("SELECT COALESCE(MAX(number), 0) AS last FROM retained", [])
        }
        lastRetained = Mutex(UInt64(clamping: try places.first?.integer("last") ?? 0))
        size = Atomic(kept)
        lastPlace = Atomic(UInt64(clamping: last))
        link.isUp = true
    }

    package func publish(_ batch: [Message], then: @escaping @Sendable (Bool) -> Void) {
        if !commits.add(.messages(Batch(messages: batch, then: then))) { then(false) }
    }

    /// Has something done in a transaction, behind what was published before.
    func add(_ part: TransactionPart) {
        if !commits.add(.other(part)) { part.failed() }
    }

    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while (try? await Task.sleep(for: .seconds(5))) != nil {
                    await self.removeOld()
                    self.removeExpiredRetained()
                }
            }
            await commits.run(store)
            group.cancelAll()
        }
    }

    private func store(_ works: [Work]) async {
        guard !works.isEmpty else { return }
        let batches = works.compactMap { if case .messages(let batch) = $0 { batch } else { nil } }
        let others = works.compactMap { if case .other(let part) = $0 { part } else { nil } }
        var messages = batches.flatMap(\.messages)
        let logged = channels.withLock { [stores] channels in
            func isLogged(_ message: Message) -> Bool { channels.hold(message) }
            // The interest that the loops look at is a rough one.
            if !stores { messages.removeAll { !isLogged($0) } }
            return messages.map(isLogged)
        }
        let (rows, bytes) = Self.rows(of: messages, logged: logged)
        var isStored = true
        do {
            let (last, done) = try await database.write { session -> (Int64?, [@Sendable () -> Void]) in
                try session.insert(into: "messages", columns: Self.columns, rows: rows)
                let last = rows.isEmpty ? nil : try session.query("SELECT MAX(number) AS last FROM messages", []).first
                return (try last?.integer("last"), try others.map { try $0.body(session) })
            }
            size.add(bytes, ordering: .relaxed)
            if let last { tell(messages, logged, upTo: UInt64(clamping: last)) }
            for then in done { then() }
        } catch {
            isStored = false
            Counter(label: "fluxgate_bus_lost_total").increment(by: rows.count)
            logger.error("messages not stored", metadata: ["count": "\(rows.count)", "reason": "\(error)"])
        }
        for batch in batches { batch.then(isStored) }
        if !isStored { for part in others { part.failed() } }
    }

    private static func rows(
        of messages: [Message],
        logged: [Bool]
    ) -> (rows: [[SQLValue]], bytes: Int64) {
        var (buffer, bytes) = (ByteBuffer(), Int64(0))
        let rows = zip(messages, logged).map { message, isLogged -> [SQLValue] in
            buffer.clear()
            BusMessage.append(message, prefix: BusMessage.prefix(of: message.topic), to: &buffer)
            bytes += Int64(buffer.readableBytes)
            return [
                .integer(Int64(clamping: message.created)), .integer(Int64(buffer.readableBytes)),
                .blob(Array(buffer.readableBytesView)), isLogged ? .id(message.topic.channel.value) : .null,
                message.exchange > 0 ? .integer(Int64(bitPattern: message.origin)) : .null,
                message.exchange > 0 ? .integer(Int64(bitPattern: message.exchange)) : .null,
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
