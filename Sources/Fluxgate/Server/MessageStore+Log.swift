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

    package func follow(_ receiver: any LogReceiver) { receivers.withLock { $0.append(receiver) } }

    package func keep(_ channel: ChannelID) { keep(channel, isWhole: false) }
    package func forget(_ channel: ChannelID) { forget(channel, isWhole: false) }

    /// - Parameter isWhole: whether messages of QoS 0 get places too.
    func keep(_ channel: ChannelID, isWhole: Bool) {
        interest?.add(channel, loop: isWhole ? 1 : 0)
        channels.withLock { $0.change(channel, isWhole: isWhole, by: 1) }
    }

    func forget(_ channel: ChannelID, isWhole: Bool) {
        interest?.remove(channel, loop: isWhole ? 1 : 0)
        channels.withLock { $0.change(channel, isWhole: isWhole, by: -1) }
    }

    package func exchanges(of origin: UInt64, on topic: Topic?, after place: UInt64) async throws -> [UInt64] {
        try await database.read { session in
            try session.query(
                "SELECT exchange FROM messages WHERE origin = $1 AND number > $2 ORDER BY number",
                [.integer(Int64(bitPattern: origin)), .integer(Int64(clamping: place))]
            ).map { row in UInt64(bitPattern: try row.integer("exchange")) }
        }
    }

    /// The rows of one transaction are numbered one after the other: nobody else writes.
    func tell(_ messages: [Message], _ logged: [Bool], upTo last: UInt64) {
        lastPlace.store(last, ordering: .releasing)
        let receivers = receivers.withLock { $0 }
        guard !receivers.isEmpty else { return }
        let first = last - min(last, UInt64(logged.count))
        let news = zip(messages, logged).enumerated().compactMap { index, message -> Message? in
            guard message.1 else { return nil }
            var logged = message.0
            logged.place = first + UInt64(index) + 1
            return logged
        }
        guard !news.isEmpty else { return }
        for receiver in receivers { receiver.logged(news, upTo: last) }
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

    package func count(_ channels: [ChannelID], after place: UInt64, then: @escaping @Sendable (Int?) -> Void) {
        Task {
            then(
                try? await database.read { session in
                    try channels.reduce(0) { count, channel in
                        let found = try session.query(
                            "SELECT COUNT(*) AS count FROM messages WHERE channel = $1 AND number > $2",
                            [.id(channel.value), .integer(Int64(clamping: place))]
                        )
                        return count + Int(try found.first?.integer("count") ?? 0)
                    }
                }
            )
        }
    }

    package func read(at places: [UInt64], then: @escaping @Sendable ([UInt64: Message]?) -> Void) {
        Task {
            do {
                then(
                    try await database.read { session in
                        var (reader, messages) = (BusMessageReader(), [UInt64: Message]())
                        for place in places {
                            messages[place] = try Self.message(at: Int64(clamping: place), &reader, in: session)
                        }
                        return messages
                    }
                )
            } catch {
                logger.error("messages not read", metadata: ["reason": "\(error)"])
                then(nil)
            }
        }
    }

    private static func message(
        at number: Int64,
        _ reader: inout BusMessageReader,
        in session: any SQLSession
    ) throws -> Message? {
        let found = try session.query("SELECT message FROM messages WHERE number = $1", [.integer(number)])
        guard let blob = try found.first?.blob("message"),
            var message = try? reader.read(ByteBuffer(bytes: blob)).message
        else { return nil }
        message.place = UInt64(clamping: number)
        return message
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
            if let message = try Self.message(at: row.number, &reader, in: session) { messages.append(message) }
        }
        return LogPage(messages: messages, end: UInt64(clamping: end), isLast: end == Int64(clamping: newest))
    }
}

/// Of which channels messages get places, and how many want that.
struct KeptChannels {
    private var acknowledged: [ChannelID: Int] = [:]
    /// Those whose messages of QoS 0 are wanted too.
    private var whole: [ChannelID: Int] = [:]

    func hold(_ message: Message) -> Bool {
        whole[message.topic.channel] != nil || message.qos > 0 && acknowledged[message.topic.channel] != nil
    }

    mutating func change(_ channel: ChannelID, isWhole: Bool, by difference: Int) {
        if isWhole {
            Self.change(&whole[channel], by: difference)
        } else {
            Self.change(&acknowledged[channel], by: difference)
        }
    }

    private static func change(_ count: inout Int?, by difference: Int) {
        let changed = (count ?? 0) + difference
        count = changed > 0 ? changed : nil
    }
}
