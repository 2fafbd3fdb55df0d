internal import Foundation
internal import Logging
package import Messaging
internal import Metrics
package import Model
internal import NIOCore
internal import SQL
internal import Synchronization

// What is kept for later subscribers: a row for each topic, whatever its content type.
extension MessageStore: RetainedMessages {
    static let retainedSchema = Migration("retained_1") { dialect in
        [
            """
            CREATE TABLE retained (
                channel \(dialect.idType) NOT NULL,
                subtopic TEXT NOT NULL,
                tenant \(dialect.idType) NOT NULL,
                expires BIGINT,
                message \(dialect.blobType) NOT NULL,
                PRIMARY KEY (channel, subtopic)
            )
            """,
            "CREATE INDEX retained_tenant ON retained (tenant)",
            "CREATE INDEX retained_expires ON retained (expires) WHERE expires IS NOT NULL",
        ]
    }
    /// Their places, in the order in which they were retained.
    static let retainedPlaces = Migration("retained_2") { _ in
        [
            "ALTER TABLE retained ADD COLUMN number BIGINT NOT NULL DEFAULT 0",
            "UPDATE retained SET number = rowid",
            "CREATE INDEX retained_number ON retained (number)",
            "CREATE INDEX retained_channel ON retained (channel, number)",
        ]
    }
    /// Most rows, and about most bytes, of one page.
    private static let pageRows: Int64 = 128
    private static let retainedPageBytes = 1 << 20

    private var now: Int64 { Int64(max(0, min(Date.now.timeIntervalSince1970, 9e9)) * 1e9) }

    static func countRetained(in session: any SQLSession) throws -> [(ChannelID, Int)] {
        try session.query("SELECT channel, COUNT(*) AS count FROM retained GROUP BY channel", [])
            .map { row in (try row.id("channel", of: Model.Channel.self), Int(try row.integer("count"))) }
    }

    package func retain(_ message: Message, of tenant: Tenant.ID) {
        let (channel, key) = (message.topic.channel, SQLValue.text(message.topic.subtopic.dotted.text))
        guard message.payload.readableBytes > 0 else { return forgetRetained(channel, key) }
        // One more, until it is known to replace another.
        guard count(channel, 1) <= maximumRetained else {
            _ = count(channel, -1)
            Counter(label: "fluxgate_retained_refused_total").increment()
            return
        }
        var buffer = ByteBuffer()
        BusMessage.append(message, prefix: BusMessage.prefix(of: message.topic), to: &buffer)
        let row: [SQLValue] = [
            .id(channel.value), key, .id(tenant.value),
            message.properties?.expires.map { .integer(Int64(clamping: $0)) } ?? .null,
            .blob(Array(buffer.readableBytesView)), .integer(Int64(clamping: nextRetainedPlace())),
        ]
        add(
            TransactionPart { session in
                let isNew = try Self.deleteRetained(channel, key, in: session) == 0
                try session.insert(
                    into: "retained",
                    columns: ["channel", "subtopic", "tenant", "expires", "message", "number"],
                    rows: [row]
                )
                return { if !isNew { _ = self.count(channel, -1) } }
            } failed: {
                _ = self.count(channel, -1)
            }
        )
    }

    /// Later than all before it, also after a restart.
    private func nextRetainedPlace() -> UInt64 {
        lastRetained.withLock { last in
            last = max(last + 1, UInt64(clamping: now))
            return last
        }
    }

    private func forgetRetained(_ channel: ChannelID, _ key: SQLValue) {
        add(
            TransactionPart { session in
                let removed = try Self.deleteRetained(channel, key, in: session)
                return { _ = self.count(channel, -removed) }
            } failed: {
            }
        )
    }

    private static func deleteRetained(
        _ channel: ChannelID,
        _ key: SQLValue,
        in session: any SQLSession
    ) throws -> Int {
        try session.execute("DELETE FROM retained WHERE channel = $1 AND subtopic = $2", [.id(channel.value), key])
    }

    /// Answers how many there are then.
    private func count(_ channel: ChannelID, _ change: Int) -> Int {
        retainedCounts.withLock { counts in
            let count = counts[channel, default: 0] + change
            counts[channel] = count > 0 ? count : nil
            return count
        }
    }

    package func read(
        _ filter: TopicFilter,
        of tenant: Tenant.ID,
        in range: RetainedRange,
        limit: Int,
        then: @escaping @Sendable (RetainedPage?) -> Void
    ) {
        guard retainedCounts.withLock({ $0[filter.channel] != nil }) else {
            return then(RetainedPage(messages: [], end: nil, newest: 0))
        }
        let now = now
        add(
            TransactionPart { session in
                var range = range
                range.upTo = min(range.upTo, self.lastRetained.withLock { $0 })
                let page = try Self.page(filter, of: tenant, in: range, limit: limit, at: now, in: session)
                return { then(page) }
            } failed: {
                then(nil)
            }
        )
    }

    package func readRetained(at places: [UInt64], then: @escaping @Sendable ([UInt64: Message]?) -> Void) {
        add(
            TransactionPart { session in
                var (reader, messages) = (BusMessageReader(), [UInt64: Message]())
                for place in places {
                    let rows = try session.query(
                        "SELECT message FROM retained WHERE number = $1",
                        [.integer(Int64(clamping: place))]
                    )
                    messages[place] = try rows.first.flatMap { row in
                        Self.message(try row.blob("message"), &reader, at: place)
                    }
                }
                let found = messages
                return { then(found) }
            } failed: {
                then(nil)
            }
        )
    }

    private static func page(
        _ filter: TopicFilter,
        of tenant: Tenant.ID,
        in range: RetainedRange,
        limit: Int,
        at now: Int64,
        in session: any SQLSession
    ) throws -> RetainedPage {
        let limit = max(1, min(Int64(limit), pageRows))
        let rows = try session.query(
            """
            SELECT number, message FROM retained
            WHERE channel = $1 AND tenant = $2 AND number > $3 AND number <= $4 AND (expires IS NULL OR expires > $5)
            ORDER BY number LIMIT $6
            """,
            [
                .id(filter.channel.value), .id(tenant.value), .integer(Int64(clamping: range.behind)),
                .integer(Int64(clamping: range.upTo)), .integer(now), .integer(limit),
            ]
        )
        var (reader, messages, bytes) = (BusMessageReader(), [Message](), 0)
        for row in rows {
            let (place, blob) = (UInt64(clamping: try row.integer("number")), try row.blob("message"))
            guard let message = Self.message(blob, &reader, at: place), filter.subtopic.matches(message.topic.subtopic)
            else { continue }
            messages.append(message)
            bytes += blob.count
            if bytes >= retainedPageBytes { return RetainedPage(messages: messages, end: place, newest: range.upTo) }
        }
        let end = rows.count < limit ? nil : try rows.last.map { UInt64(clamping: try $0.integer("number")) }
        return RetainedPage(messages: messages, end: end, newest: range.upTo)
    }

    private static func message(_ blob: [UInt8], _ reader: inout BusMessageReader, at place: UInt64) -> Message? {
        var message = try? reader.read(ByteBuffer(bytes: blob)).message
        message?.place = place
        return message
    }

    // MARK: The end of it

    /// Removes what was kept in channels that are gone.
    package func apply(_ event: AccessEvent) {
        switch event {
        case .channelRemoved(let channel): removeRetained("channel = $1", .id(channel.value))
        case .tenantRemoved(let tenant): removeRetained("tenant = $1", .id(tenant.value))
        case .thingRemoved, .keyChanged, .disconnected: break
        }
    }

    package func removeExpiredRetained() { removeRetained("expires <= $1", .integer(now)) }

    private func removeRetained(_ condition: String, _ value: SQLValue) {
        guard retainedCounts.withLock({ !$0.isEmpty }) else { return }
        add(
            TransactionPart { session in
                let removed = try session.query("DELETE FROM retained WHERE \(condition) RETURNING channel", [value])
                    .map { row in try row.id("channel", of: Model.Channel.self) }
                return { for channel in removed { _ = self.count(channel, -1) } }
            } failed: { [logger] in
                logger.error("retained messages not removed")
            }
        )
    }
}
