internal import Logging
package import Messaging
package import Model
internal import NIOCore
internal import SQL
internal import Synchronization

// What sessions read that outlive their connections.
extension MessageStore: MessageLog {
    /// Most bytes of a page, if it has more than one message.
    private static let pageBytes: Int64 = 1 << 20

    package var newest: UInt64 { lastPlace.load(ordering: .acquiring) }

    package func follow(_ receiver: any LogReceiver) { self.receiver.withLock { $0 = receiver } }

    package func keep(_ channel: ChannelID) {
        interest?.add(channel, loop: 0)
        channels.withLock { $0[channel, default: 0] += 1 }
    }

    package func forget(_ channel: ChannelID) {
        interest?.remove(channel, loop: 0)
        channels.withLock { channels in
            guard let count = channels[channel] else { return }
            channels[channel] = count > 1 ? count - 1 : nil
        }
    }

    package func exchanges(of origin: UInt64) async throws -> [UInt64] {
        try await database.read { session in
            try session.query(
                "SELECT exchange FROM messages WHERE origin = $1 ORDER BY number",
                [.integer(Int64(bitPattern: origin))]
            ).map { row in UInt64(bitPattern: try row.integer("exchange")) }
        }
    }

    /// The rows of one transaction are numbered one after the other: nobody else writes.
    func tell(_ messages: [Message], _ logged: [Bool], upTo last: UInt64) {
        lastPlace.store(last, ordering: .releasing)
        guard let receiver = receiver.withLock({ $0 }) else { return }
        let first = last - min(last, UInt64(logged.count))
        let news = zip(messages, logged).enumerated().compactMap { index, message -> Message? in
            guard message.1 else { return nil }
            var logged = message.0
            logged.place = first + UInt64(index) + 1
            return logged
        }
        if !news.isEmpty { receiver.logged(news, upTo: last) }
    }

    package func read(
        _ channels: [ChannelID],
        after place: UInt64,
        limit: Int,
        then: @escaping @Sendable (LogPage?) -> Void
    ) {
        // Whatever has a place up to this one is there to be read, or was removed.
        let end = max(newest, place)
        Task {
            do {
                then(
                    try await database.read { session in
                        try Self.page(of: channels, after: place, upTo: end, limit: max(1, limit), in: session)
                    }
                )
            } catch {
                logger.error("messages not read", metadata: ["reason": "\(error)"])
                then(nil)
            }
        }
    }

    /// Of each channel so many are read, and of all of them those before the first that may not be the next.
    private static func page(
        of channels: [ChannelID],
        after place: UInt64,
        upTo newest: UInt64,
        limit: Int,
        in session: any SQLSession
    ) throws -> LogPage {
        var (end, rows) = (Int64(clamping: newest), [(number: Int64, size: Int64)]())
        for channel in channels {
            let found = try session.query(
                """
                SELECT number, size FROM messages
                WHERE channel = $1 AND number > $2 AND number <= $3 ORDER BY number LIMIT $4
                """,
                [.id(channel.value), .integer(Int64(clamping: place)), .integer(end), .integer(Int64(limit))]
            )
            rows += try found.map { (try $0.integer("number"), try $0.integer("size")) }
            if found.count >= limit, let last = rows.last { end = last.number }
        }
        rows.sort { $0.number < $1.number }
        if rows.count > limit { end = min(end, rows[limit - 1].number) }
        var (reader, messages, bytes) = (BusMessageReader(), [Message](), Int64(0))
        for row in rows.prefix(while: { $0.number <= end }) {
            bytes += row.size
            if bytes > pageBytes, !messages.isEmpty { end = row.number - 1 }
            guard row.number <= end else { break }
            let found = try session.query("SELECT message FROM messages WHERE number = $1", [.integer(row.number)])
            guard let blob = try found.first?.blob("message"),
                var message = try? reader.read(ByteBuffer(bytes: blob)).message
            else { continue }
            message.place = UInt64(clamping: row.number)
            messages.append(message)
        }
        return LogPage(messages: messages, end: UInt64(clamping: end), isLast: end == Int64(clamping: newest))
    }
}
