internal import Model
internal import NIOCore
internal import Synchronization

/// Fetches messages of streams, many with one request, by consumers that are made for that and end by themselves.
final class StreamFetches: Sendable {
    private struct Fetch {
        var messages: [JetStream.Stored] = []
        let number: UInt64
        let count: Int
        /// How many its consumer has sent before.
        let before: UInt64
        let deadline: ContinuousClock.Instant
        let then: @Sendable (Result<Portion, JetStreamError>) -> Void

        /// What a status says in place of the rest.
        ///
        /// - Parameter missing: how many of those that were asked for weren't sent.
        func answer(_ status: String?, missing: Int?) -> Result<Portion, JetStreamError> {
            if let missing, missing != count - messages.count { return .failure(StreamFetches.lost) }
            return switch status {
            case "404", "408": .success((messages, true))
            // Those that are left are too long together.
            case "409" where !messages.isEmpty: .success((messages, false))
            default: .failure(.off)
            }
        }
    }

    private static let lost = JetStreamError.silent("messages were lost on their way")

    /// Some messages, and whether there are no more now.
    typealias Portion = (messages: [JetStream.Stored], isLast: Bool)

    /// How long the server waits for messages that it counts as there although they aren't, as one of 2.9 sometimes does.
    private static let longestFetch: Int64 = 100_000_000
    /// How long a consumer lasts that nobody asks.
    private static let patience = Duration.seconds(10)
    private static let timeout = Duration.seconds(2)
    private static let pace = Duration.milliseconds(100)

    private let connection: NATSConnection
    private let jetStream: JetStream
    /// Of one answer, if it has more than one message.
    private let mostBytes: Int
    private let inbox = "_INBOX.\(UniqueID.random())"
    /// By their consumers.
    private let fetches = Mutex<(all: [Substring: Fetch], last: UInt64, isWatched: Bool)>(([:], 0, false))

    init(_ connection: NATSConnection) {
        self.connection = connection
        mostBytes = max(1 << 20, connection.largestPayload + 4_096)
        jetStream = JetStream(connection)
        connection.subscribe(.init(inbox + ".*.*"), NATSReceiver { [weak self] in self?.came($0) })
        connection.observe(onChange: { [weak self] isUp in if !isUp { self?.expire(all: true) } }, onGap: {})
    }

    /// Makes a consumer of the messages of a subject, which may have wildcards, behind a sequence. Answers its name; nil if there are none.
    func begin(
        _ subject: String,
        of stream: String,
        behind sequence: UInt64
    ) async throws(JetStreamError) -> String? {
        let (name, pending) = try await jetStream.makeReader(
            of: subject,
            in: stream,
            behind: sequence,
            patience: Self.patience
        )
        if pending == 0 { end(name, of: stream) }
        return pending == 0 ? nil : name
    }

    /// The next messages of a consumer, up to so many; fewer if there are no more now, or if they have too many bytes. Throws if some were lost on
    /// their way.
    ///
    /// - Parameter received: how many it has sent before.
    func next(
        _ count: Int,
        by consumer: String,
        of stream: String,
        behind received: UInt64
    ) async throws(JetStreamError) -> Portion {
        let request: JSONObject = [
            "batch": .integer(Int64(count)), "no_wait": true, "expires": .integer(Self.longestFetch),
            "max_bytes": .integer(Int64(mostBytes)),
        ]
        let answer: Result<Portion, JetStreamError>? = await answer { then in
            let (number, isWatched) = fetches.withLock { fetches in
                fetches.last += 1
                let deadline = ContinuousClock.now + Self.timeout
                fetches.all[consumer[...]] = Fetch(
                    number: fetches.last,
                    count: count,
                    before: received,
                    deadline: deadline,
                    then: then
                )
                defer { fetches.isWatched = true }
                return (fetches.last, fetches.isWatched)
            }
            if !isWatched { Task { await self.watch() } }
            connection.post(
                ByteBuffer(string: JSONValue.object(request).text),
                to: JetStream.subject(of: "CONSUMER.MSG.NEXT", "\(stream).\(consumer)"),
                reply: "\(inbox).\(consumer).\(number)"
            )
        }
        guard let answer else { throw .off }
        return try answer.get()
    }

    /// Nobody asks the consumer any more.
    func end(_ consumer: String, of stream: String) {
        connection.post(ByteBuffer(), to: JetStream.subject(of: "CONSUMER.DELETE", "\(stream).\(consumer)"))
    }

    private func came(_ incoming: NATSMessage) {
        guard let reply = incoming.reply, let place = StreamPlace(reply: reply) else {
            let levels = incoming.subject.split(separator: ".")
            guard let number = levels.last.flatMap({ UInt64($0) }), let consumer = levels.dropLast().last else {
                return
            }
            let (status, missing) = (incoming.header("Status"), incoming.header("Nats-Pending-Messages"))
            let fetch = fetches.withLock { fetches in
                fetches.all[consumer]?.number == number ? fetches.all.removeValue(forKey: consumer) : nil
            }
            guard let fetch else { return }
            fetch.then(fetch.answer(status, missing: missing.flatMap { Int($0) }))
            return
        }
        let message = JetStream.Stored(
            subject: incoming.subject,
            sequence: place.sequence,
            headers: "",
            payload: incoming.payload
        )
        let isLast = place.pending == 0
        let done = fetches.withLock { fetches -> (Fetch, Result<Portion, JetStreamError>)? in
            guard var fetch = fetches.all.removeValue(forKey: place.consumer) else { return nil }
            fetch.messages.append(message)
            guard place.delivery == fetch.before &+ UInt64(fetch.messages.count) else {
                return (fetch, .failure(Self.lost))
            }
            if fetch.messages.count >= fetch.count || isLast { return (fetch, .success((fetch.messages, isLast))) }
            fetches.all[place.consumer] = fetch
            return nil
        }
        if let (fetch, answer) = done { fetch.then(answer) }
    }

    private func watch() async {
        repeat {
            try? await Task.sleep(for: Self.pace)
            expire()
        } while fetches.withLock { fetches in
            fetches.isWatched = !fetches.all.isEmpty
            return fetches.isWatched
        }
    }

    private func expire(all: Bool = false) {
        let now = ContinuousClock.now
        let expired = fetches.withLock { fetches in
            let expired = fetches.all.filter { all || $0.value.deadline < now }
            for consumer in expired.keys { fetches.all[consumer] = nil }
            return expired
        }
        for fetch in expired.values { fetch.then(.failure(.silent("no messages came"))) }
    }
}
