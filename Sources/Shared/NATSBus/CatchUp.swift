internal import Logging
internal import Messaging
internal import Metrics
internal import Model
internal import NIOCore
internal import Synchronization

/// Brings what passed by live subscribers out of the stream: after the connection was lost, after the client library dropped what
/// came faster than it was taken, and what came to a channel whose subscribers are behind.
///
/// While all is well it notes once a second how far the stream is. After a loss it reads from where the stream was a second
/// or two before, which needs no clock; ``MessageMerge`` says what of that is new. It reads on for a while after it has seen the end,
/// for what was on its way into the stream.
///
/// A channel whose subscribers are behind is read by itself, at their pace: the stream is its queue, and the others go on live.
final class CatchUp: Sendable {
    private typealias Scope = StreamReading.Scope

    private struct State {
        var all: StreamReading
        var channels: [Scope: StreamReading] = [:]
        /// Where the stream was when it was looked at last.
        var newest: UInt64?

        /// Nil if there is no such reading any more, or another one than the subject's.
        mutating func with<Answer>(
            _ scope: Scope,
            subject: String? = nil,
            _ change: (inout StreamReading) -> Answer
        ) -> Answer? {
            if scope == .all { return subject == nil || all.subject == subject ? change(&all) : nil }
            guard let index = channels.index(forKey: scope) else { return nil }
            guard subject == nil || channels.values[index].subject == subject else { return nil }
            return change(&channels.values[index])
        }

        /// Whether the message's channel is read by itself, with all that is to be acknowledged.
        func isReadApart(_ message: Message) -> Bool {
            message.qos > 0 && !channels.isEmpty && channels[Scope(of: message.topic)] != nil
        }
    }

    private static let pace = Duration.milliseconds(100)
    /// How often the stream is looked at.
    private static let look = Duration.seconds(1)
    /// Channels that are read by themselves at a time, counting one with subtopics twice; beyond that what a subscriber's queue
    /// can't take is dropped.
    private static let mostChannels = 32

    private let connection: NATSConnection
    private let stream: MessageStream
    private let inbox: BusInbox
    private let lookSubject = "_INBOX.\(UniqueID.random()).look"
    private let logger: Logger
    private let send: @Sendable (_ word: String, _ subject: String, _ reply: String?) -> Void
    private let brought = Counter(label: "fluxgate_bus_caught_up_total")
    private let channels = Gauge(label: "fluxgate_bus_channels_behind")
    private let state: Mutex<State>

    /// - Parameter send: sends, on a thread of its own.
    init(
        _ connection: NATSConnection,
        _ stream: MessageStream,
        _ inbox: BusInbox,
        own: UInt64,
        logger: Logger,
        send: @escaping @Sendable (_ word: String, _ subject: String, _ reply: String?) -> Void
    ) {
        self.connection = connection
        self.stream = stream
        self.inbox = inbox
        self.logger = logger
        self.send = send
        state = Mutex(State(all: StreamReading(MessageMerge(own: own))))
        channels.record(0)
        connection.observe(
            onChange: { [weak self] isUp in if !isUp { self?.missed() } },
            onGap: { [weak self] in self?.missed(isCutOff: false) }
        )
        connection.subscribe(.init(lookSubject), NATSReceiver { [weak self] in self?.looked($0) })
    }

    // MARK: On the threads of the connection

    private func missed(isCutOff: Bool = true) {
        state.withLock { state in
            // Who never saw the stream has nothing to go back to; and what is dropped while it is read is left to it anyway.
            for scope in [.all] + state.channels.keys {
                _ = state.with(scope) { reading in
                    if reading.position != nil, isCutOff || reading.merge.phase != .reading { reading.missed() }
                }
            }
        }
    }

    /// Whether a message that came live is to be given on now.
    func live(_ message: Message, _ stamp: BusStamp?) -> Bool {
        let isStrained = message.qos > 0 && stamp != nil && inbox.isStrained(message.topic.channel)
        let size = message.payload.readableBytes + 256
        return state.withLock { state in
            if isStrained { begin(Scope(of: message.topic), &state) }
            guard let stamp, state.isReadApart(message) else { return state.all.merge.live(stamp, message, size: size) }
            state.all.merge.came(stamp)
            return state.with(Scope(of: message.topic)) { reading in
                if isStrained { reading.left() }
                return reading.merge.live(stamp, message, size: size, leaving: isStrained)
            } ?? true
        }
    }

    private func begin(_ scope: Scope, _ state: inout State) {
        guard state.channels.count < Self.mostChannels, state.channels[scope] == nil else { return }
        state.channels[scope] = StreamReading(besides: state.all)
        channels.record(state.channels.count)
    }

    private func stored(_ incoming: NATSMessage, _ scope: Scope, _ subject: String) {
        // A heartbeat has no place.
        guard let reply = incoming.reply, let place = StreamPlace(reply: reply) else {
            return state.withLock { _ = $0.with(scope, subject: subject) { $0.hear() } }
        }
        let read = inbox.read(incoming)
        let found = state.withLock { state -> (isNew: Bool, held: [Message], isDue: Bool, isGiven: Bool)? in
            let isWanted = scope == .all || (read?.message.qos ?? 0) > 0
            let news = state.with(scope, subject: subject) { reading -> (isNew: Bool, held: [Message])? in
                guard reading.hear(from: place) else { return nil }
                return isWanted ? reading.merge.stored(read?.stamp) : (false, [])
            }
            guard case (var isNew, var held)?? = news else { return nil }
            if let (message, stamp) = read {
                if scope != .all {
                    if let stamp { state.all.merge.came(stamp) }
                } else {
                    isNew = isNew && !state.isReadApart(message)
                    held.removeAll(where: state.isReadApart)
                }
            }
            let isGiven = isNew || !held.isEmpty
            let taken = state.with(scope) { $0.brought(from: place, isGiven: isGiven) }
            return (isNew, held, taken?.isDue ?? false, taken?.isGiven ?? false)
        }
        guard let found else { return }
        if found.isNew, var message = read?.message {
            message.isLate = true
            brought.increment()
            inbox.give(message)
        }
        for message in found.held { inbox.give(message) }
        guard found.isDue else { return }
        let acknowledge = { @Sendable [send] in send("+ACK", reply, nil) }
        if found.isGiven { inbox.whenTaken(scope.channel, acknowledge) } else { acknowledge() }
    }

    /// What the stream had when it was looked at before has come by since then: the answer comes on the thread of the messages,
    /// behind all that came before it.
    private func looked(_ incoming: NATSMessage) {
        guard let last = MessageStream.lastSequence(in: incoming.payload) else { return }
        state.withLock { state in
            guard state.all.merge.phase == .live else { return }
            // One that was made anew counts from 1.
            state.all.position = min(state.newest ?? state.all.position ?? last, last)
            state.newest = last
        }
    }

    // MARK: Looking after the stream

    /// Until the task is canceled.
    func run() async {
        var (looked, problem) = (ContinuousClock.now - Self.look, "")
        while (try? await Task.sleep(for: Self.pace)) != nil {
            guard connection.link.isUp else { continue }
            if state.withLock({ $0.all.merge.phase == .live }), .now - looked >= Self.look {
                looked = .now
                send("", stream.infoSubject, lookSubject)
            }
            do {
                for scope in [.all] + state.withLock({ Array($0.channels.keys) }) { try await goOn(with: scope) }
                problem = ""
            } catch {
                if problem != "\(error)" {
                    logger.warning("the stream can't be read", metadata: ["reason": "\(error)"])
                }
                problem = "\(error)"
            }
        }
    }

    private func goOn(with scope: Scope) async throws {
        let step = state.withLock { state in
            let step = state.with(scope) { $0.nextStep(scope, at: .now) } ?? .wait
            if case .end = step {
                if scope == .all { state.newest = nil }
                state.channels[scope] = nil
                channels.record(state.channels.count)
            }
            return step
        }
        switch step {
        case .wait: break
        case .begin(let position, let subject, let isNarrow):
            try await begin(
                scope,
                from: position,
                subject,
                window: isNarrow ? stream.narrowWindow : MessageStream.window
            )
        case .end(let consumer, let subject):
            connection.unsubscribe(.init(subject))
            try await stream.stopReading(consumer)
        case .giveUp(let held):
            logger.error("what was missed can't be read in time, and what comes is given on")
            for message in held { inbox.give(message) }
        }
    }

    private func begin(_ scope: Scope, from position: UInt64, _ subject: String, window: Int) async throws {
        let last = try await stream.lastSequence()
        let first = last < position ? 1 : position + 1
        let former = state.withLock { $0.with(scope) { $0.subscribe(to: subject) } }
        if former != subject {
            if let former = former.flatMap(\.self) { connection.unsubscribe(.init(former)) }
            connection.subscribe(.init(subject), NATSReceiver { [weak self] in self?.stored($0, scope, subject) })
        }
        let (consumer, pending) = try await stream.read(
            from: first,
            filter: scope.filter,
            window: window,
            to: subject
        )
        logger.info(
            "catching up",
            metadata: [
                "from": "\(first)", "pending": "\(pending)", "channel": "\(scope.channel.map { "\($0)" } ?? "all")",
            ]
        )
        state.withLock { _ = $0.with(scope, subject: subject) { $0.begun(consumer, pending: pending) } }
    }
}
