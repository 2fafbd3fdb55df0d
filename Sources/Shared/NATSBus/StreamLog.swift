package import Logging
package import Messaging
package import Model
internal import NIOCore
internal import Synchronization

/// The ``MessageLog`` of several processes: the stream, where a message's place is its sequence.
///
/// What is stored comes by one consumer for all channels, while there is a session here that reads; what a session has missed it reads
/// message by message.
package final class StreamLog: MessageLog {
    private struct State {
        var tail = StreamTail()
        var channels: [ChannelID: Int] = [:]
        /// Since when nobody reads.
        var idle: ContinuousClock.Instant? = .now
        var isBeginning = false
        var waiting: [@Sendable (Bool) -> Void] = []
    }

    private static let pace = Duration.milliseconds(100)
    /// How long it is followed when nobody reads any more.
    private static let patience = Duration.seconds(10)
    private static let longestWait = Duration.seconds(5)
    /// Most bytes of a page, if it has more than one message.
    private static let pageBytes = 1 << 20
    /// How many are looked through at a time.
    private static let portion = 256
    /// How many messages of QoS 0 are looked at between others before a page ends.
    private static let mostPassed = 512

    private let connection: NATSConnection
    package let stream: MessageStream
    private let logger: Logger
    private let reader: BusInbox
    private let lastPlace = Atomic<UInt64>(0)
    private let receiver = Mutex<(any LogReceiver)?>(nil)
    private let state = Mutex(State())

    /// - Parameter connection: one whose subscriptions nobody holds up.
    package init(_ connection: NATSConnection, _ stream: MessageStream, logger: Logger) {
        (self.connection, self.stream, self.logger) = (connection, stream, logger)
        reader = BusInbox(logger)
        connection.observe(
            onChange: { [weak self] isUp in if !isUp { self?.lose() } },
            onGap: { [weak self] in self?.lose() }
        )
    }

    // MARK: MessageLog

    package var newest: UInt64 { lastPlace.load(ordering: .acquiring) }

    package func follow(_ receiver: any LogReceiver) { self.receiver.withLock { $0 = receiver } }

    package func keep(_ channel: ChannelID) {
        state.withLock { state in
            state.channels[channel, default: 0] += 1
            state.idle = nil
        }
    }

    package func forget(_ channel: ChannelID) {
        state.withLock { state in
            guard let count = state.channels[channel] else { return }
            state.channels[channel] = count > 1 ? count - 1 : nil
            if state.channels.isEmpty { state.idle = .now }
        }
    }

    package func read(
        _ channels: [ChannelID],
        after place: UInt64,
        limit: Int,
        then: @escaping @Sendable (LogPage?) -> Void
    ) {
        let end = max(newest, place)
        Task {
            do {
                then(try await page(of: channels, after: place, upTo: end, limit: max(1, limit)))
            } catch {
                logger.warning("messages not read", metadata: ["reason": "\(error)"])
                then(nil)
            }
        }
    }

    package func count(_ channels: [ChannelID], after place: UInt64, then: @escaping @Sendable (Int?) -> Void) {
        Task {
            var count = 0
            do {
                for channel in channels {
                    for subject in [BusSubject.base(of: channel), BusSubject.below(channel)] {
                        count += try await stream.count(subject, behind: place)
                    }
                }
                then(count)
            } catch {
                then(nil)
            }
        }
    }

    package func read(at places: [UInt64], then: @escaping @Sendable ([UInt64: Message]?) -> Void) {
        Task {
            do {
                then(try await messages(at: places))
            } catch {
                logger.warning("messages not read", metadata: ["reason": "\(error)"])
                then(nil)
            }
        }
    }

    private func messages(at places: [UInt64]) async throws -> [UInt64: Message] {
        let found = try await withThrowingTaskGroup(of: JetStream.Stored?.self) { group in
            for place in places { group.addTask { try await self.stream.message(at: place) } }
            return try await group.reduce(into: [JetStream.Stored]()) { found, each in
                if let each { found.append(each) }
            }
        }
        var (reader, messages) = (BusMessageReader(), [UInt64: Message]())
        for stored in found {
            guard var message = try? reader.read(stored.payload).message else { continue }
            message.place = stored.sequence
            messages[stored.sequence] = message
        }
        return messages
    }

    package func exchanges(of origin: UInt64, on topic: Topic?, after place: UInt64) async throws -> [UInt64] {
        // What comes later isn't from before.
        let end = try await stream.lastSequence()
        var (found, reader) = ([UInt64](), BusMessageReader())
        var cursor = stream.cursor(topic.map { BusSubject.of($0) } ?? "channel.>", behind: place, portion: Self.portion)
        defer { stream.close(cursor) }
        while let next = try await stream.next(of: &cursor), next.sequence <= end {
            guard let message = try? reader.read(next.payload).message, message.origin == origin else { continue }
            if message.exchange > 0 { found.append(message.exchange) }
        }
        return found
    }

    // MARK: What is stored

    /// Calls back, on any thread, when what is stored from now on comes to the receiver and ``newest`` says where that begins; with false if that
    /// can't be now.
    package func whenFollowing(_ then: @escaping @Sendable (Bool) -> Void) {
        let isFollowing = state.withLock { state in
            guard !state.tail.isFollowing else { return true }
            state.waiting.append(then)
            if state.channels.isEmpty { state.idle = .now }
            return false
        }
        if isFollowing { then(true) } else { Task { await begin() } }
    }

    /// Whether what was stored before the call has come, and ``newest`` says so.
    package func hasCaughtUp() async -> Bool {
        guard let last = try? await stream.lastSequence() else { return false }
        let deadline = ContinuousClock.now + Self.longestWait
        while newest < last, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(2)) }
        return newest >= last
    }

    /// Looks after it until the task is canceled.
    package func watch() async {
        while (try? await Task.sleep(for: Self.pace)) != nil {
            let now = ContinuousClock.now
            let (isDue, isOver, acknowledgement) = state.withLock { state -> (Bool, Bool, String?) in
                if state.tail.isSilent(at: now) { return (true, true, nil) }
                let acknowledgement = state.tail.acknowledgement(of: 1)
                let isWanted = state.idle.map { now - $0 < Self.patience } ?? true
                if !isWanted { state.tail.forget() }
                let isFollowing = state.tail.isFollowing
                return (isWanted && !isFollowing, !isWanted && isFollowing, acknowledgement)
            }
            if let acknowledgement { connection.post(ByteBuffer(string: "+ACK"), to: acknowledgement) }
            if isOver { lose() }
            if isDue, connection.link.isUp { await begin() }
        }
    }

    private func begin() async {
        let isFirst = state.withLock { state in
            guard !state.isBeginning, !state.tail.isFollowing else { return false }
            state.isBeginning = true
            return true
        }
        guard isFirst else { return }
        var begun: String?
        do {
            begun = try await makeConsumer()
        } catch {
            logger.warning("the stream can't be followed", metadata: ["reason": "\(error)"])
        }
        if begun == nil { lose() }
        let waiting = state.withLock { state in
            state.isBeginning = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for then in waiting { then(begun != nil) }
    }

    /// Answers its name; nil if it isn't good any more.
    private func makeConsumer() async throws -> String? {
        let last = try await stream.lastSequence()
        // One that was made anew counts from 1.
        let (place, subject, isNew) = state.withLock { state in
            let (place, isNew) = (min(state.tail.position ?? last, last), last < newest)
            return (place, state.tail.begin(behind: place), isNew)
        }
        if isNew {
            logger.error("the stream has lost messages, or was made anew", metadata: ["last": "\(last)"])
            receiver.withLock { $0 }?.lost()
        }
        lastPlace.store(place, ordering: .releasing)
        connection.subscribe(.init(subject), NATSReceiver { [weak self] in self?.came($0, on: subject) })
        let (consumer, _) = try await stream.read(
            from: place + 1,
            filter: nil,
            window: StreamTail.window,
            to: subject
        )
        return state.withLock { $0.tail.begun(consumer, on: subject) } ? consumer : nil
    }

    private func lose() {
        let (subject, consumer) = state.withLock { $0.tail.leave() }
        if let subject { connection.unsubscribe(.init(subject)) }
        // One that nobody listens to ends by itself.
        if let consumer { Task { try? await stream.stopReading(consumer) } }
    }

    /// On the connection's thread.
    private func came(_ incoming: NATSMessage, on subject: String) {
        guard let reply = incoming.reply, let place = StreamPlace(reply: reply) else {
            let delivered = incoming.header("Nats-Last-Consumer").flatMap { UInt64($0) }
            let isWhole = state.withLock { $0.tail.subject != subject || $0.tail.heard(delivered: delivered) }
            return isWhole ? () : lose()
        }
        let channel = BusSubject.channel(of: incoming.subject)
        let found = state.withLock { state -> (arrival: StreamTail.Arrival, isKept: Bool, reply: String?)? in
            guard state.tail.subject == subject else { return nil }
            let arrival = state.tail.came(from: place, reply: reply)
            return (arrival, channel.map { state.channels[$0] != nil } ?? false, state.tail.acknowledgement())
        }
        guard let (arrival, isKept, acknowledgement) = found else { return }
        switch arrival {
        case .new: break
        case .old: return
        case .gap: return lose()
        }
        lastPlace.store(place.sequence, ordering: .releasing)
        if let acknowledgement { connection.post(ByteBuffer(string: "+ACK"), to: acknowledgement) }
        guard isKept, var (message, _) = reader.read(incoming.payload, incoming), message.qos > 0 else { return }
        message.place = place.sequence
        receiver.withLock { $0 }?.logged([message], upTo: place.sequence)
    }

    // MARK: Pages

    /// The next message of a subject's, and what reads those behind it.
    private struct Head {
        let message: JetStream.Stored
        var cursor: StreamCursor
    }

    private func page(
        of channels: [ChannelID],
        after place: UInt64,
        upTo end: UInt64,
        limit: Int
    ) async throws -> LogPage {
        let subjects = channels.flatMap { [BusSubject.base(of: $0), BusSubject.below($0)] }
        var heads = try await withThrowingTaskGroup(of: Head?.self) { group in
            for subject in subjects {
                group.addTask { try await self.head(self.stream.cursor(subject, behind: place, portion: limit)) }
            }
            return try await group.reduce(into: [Head]()) { heads, head in if let head { heads.append(head) } }
        }
        defer { for head in heads { stream.close(head.cursor) } }
        var (reader, messages, bytes, passed) = (BusMessageReader(), [Message](), 0, 0)
        var last = place
        while let (index, next) = heads.enumerated().min(by: {
            $0.element.message.sequence < $1.element.message.sequence
        }),
            next.message.sequence <= end
        {
            guard messages.count < limit, passed < Self.mostPassed, bytes < Self.pageBytes else {
                return LogPage(messages: messages, end: last, isLast: false)
            }
            last = next.message.sequence
            bytes += next.message.payload.readableBytes
            if var message = try? reader.read(next.message.payload).message, message.qos > 0,
                channels.contains(message.topic.channel)
            {
                message.place = last
                messages.append(message)
            } else {
                passed += 1
            }
            heads.remove(at: index)
            if let head = try await head(next.cursor) { heads.append(head) }
        }
        return LogPage(messages: messages, end: end, isLast: true)
    }

    /// Nil if there is none; then the cursor is closed.
    private func head(_ cursor: StreamCursor) async throws -> Head? {
        var cursor = cursor
        guard let message = try await stream.next(of: &cursor) else {
            stream.close(cursor)
            return nil
        }
        return Head(message: message, cursor: cursor)
    }
}
