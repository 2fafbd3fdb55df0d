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

        /// Nil if there is no such reading any more, or its subject is another one.
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

        /// A channel's own reading sees to a message. While everything is read, that comes by it in its turn.
        mutating func sawTo(_ stamp: BusStamp) {
            if all.merge.phase != .reading { all.merge.came(stamp) }
        }
    }

    private static let pace = Duration.milliseconds(100)
    /// How often the stream is looked at.
    private static let look = Duration.seconds(1)
    /// Readings of channels at a time; one with subtopics and without them has two. Beyond that what a subscriber's queue can't take is
    /// dropped.
    private static let mostChannels = 16

    private let connection: NATSConnection
    private let stream: MessageStream
    private let inbox: BusInbox
    private let lookSubject = "_INBOX.\(UniqueID.random()).look"
    private let logger: Logger
    private let send: @Sendable (_ word: String, _ subject: String, _ reply: String?) -> Void
    private let brought = Counter(label: "fluxgate_bus_caught_up_total")
    private let channels = Gauge(label: "fluxgate_bus_channels_behind")
    private let state: Mutex<State>
    /// Gives on what channels' own readings have brought: that may wait, and those who bring it may not.
    private let handOut = Mutex<WorkQueue<StreamReading.Scope>?>(nil)

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
        state = Mutex(State(all: StreamReading(own: own)))
        channels.record(0)
        let giving = WorkQueue<StreamReading.Scope>("bus-channels") { [weak self] in
            { scopes in for scope in scopes { self?.giveOn(scope) } }
        }
        handOut.withLock { $0 = giving }
        connection.observe(
            onChange: { [weak self] isUp in if !isUp { self?.missed(isCutOff: true) } },
            onGap: { [weak self] in self?.missed(isCutOff: false) }
        )
        connection.subscribe(.init(lookSubject), NATSReceiver { [weak self] in self?.looked($0) })
    }

    func close() { handOut.withLock { $0 }?.close(within: 1) }

    // MARK: On the threads of the connection

    private func missed(isCutOff: Bool) {
        state.withLock { state in
            state.all.missed(isCutOff: isCutOff)
            for scope in state.channels.keys { _ = state.with(scope) { $0.missed(isCutOff: isCutOff) } }
        }
    }

    /// Whether a message that came live is to be given on now.
    func live(_ message: Message, _ stamp: BusStamp?) -> Bool {
        let isStrained = message.qos > 0 && stamp != nil && inbox.isStrained(message.topic.channel)
        return state.withLock { state in
            if isStrained { begin(Scope(of: message.topic), &state) }
            guard let stamp, state.isReadApart(message) else {
                return state.all.merge.live(stamp, message, size: message.size)
            }
            state.sawTo(stamp)
            return state.with(Scope(of: message.topic)) { reading in
                if isStrained { reading.left() }
                let isBusy = reading.isBusy
                return reading.merge.live(stamp, message, size: message.size, leaving: isStrained, holding: isBusy)
            } ?? true
        }
    }

    private func begin(_ scope: Scope, _ state: inout State) {
        guard state.channels.count < Self.mostChannels, state.channels[scope] == nil else { return }
        state.channels[scope] = StreamReading(scope, besides: state.all)
        channels.record(state.channels.count)
    }

    private func stored(_ incoming: NATSMessage, _ scope: Scope, _ subject: String) {
        // A heartbeat has no place.
        guard let reply = incoming.reply, let place = StreamPlace(reply: reply) else {
            let delivered = incoming.header("Nats-Last-Consumer").flatMap { UInt64($0) }
            return state.withLock { _ = $0.with(scope, subject: subject) { $0.hear(delivered: delivered) } }
        }
        let payload = incoming.payload
        let read = inbox.read(payload, incoming)
        let isWanted = scope == .all || (read?.message.qos ?? 0) > 0
        let found = state.withLock { state -> (messages: [Message], acknowledgement: String?)? in
            let news = state.with(scope, subject: subject) { reading -> [Message]? in
                guard reading.hear(from: place, reply: reply, bytes: payload.readableBytes) else { return nil }
                guard isWanted, let read else { return [] }
                var (isNew, news) = reading.merge.stored(read.stamp)
                if isNew { news.insert(read.message.broughtLate, at: 0) }
                return news
            }
            guard case var messages?? = news else { return nil }
            if scope == .all {
                if !messages.isEmpty, !state.channels.isEmpty { messages = messages.filter { !state.isReadApart($0) } }
            } else if isWanted, let stamp = read?.stamp {
                state.sawTo(stamp)
            }
            let acknowledgement = state.with(scope) { reading in
                if scope != .all { reading.add(messages, reply: reply) }
                reading.came(to: place)
                return reading.acknowledgement()
            }
            return (messages, acknowledgement ?? nil)
        }
        guard let found else { return }
        brought.increment(by: found.messages.count)
        if scope != .all {
            if !found.messages.isEmpty { giveOnSoon(scope) }
            if let reply = found.acknowledgement { send("+ACK", reply, nil) }
        } else {
            for message in found.messages { inbox.give(message) }
            guard let reply = found.acknowledgement else { return }
            inbox.whenTaken(nil) { [send] in send("+ACK", reply, nil) }
        }
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

    // MARK: To a channel's subscribers

    private func giveOnSoon(_ scope: Scope) { handOut.withLock { $0 }?.add(scope) }

    private func giveOn(_ scope: Scope) {
        guard let (messages, reply) = state.withLock({ $0.with(scope) { $0.nextChunk() } ?? nil }) else { return }
        for message in messages { inbox.give(message) }
        inbox.whenTaken(scope.channel) { [weak self, send] in
            send("+ACK", reply, nil)
            self?.state.withLock { _ = $0.with(scope) { $0.taken() } }
            self?.giveOnSoon(scope)
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
            var problems = ""
            for scope in [.all] + state.withLock({ Array($0.channels.keys) }) {
                do {
                    try await goOn(with: scope)
                } catch {
                    problems = "\(error)"
                }
            }
            if problems != problem, problems != "" {
                logger.warning("the stream can't be read", metadata: ["reason": "\(problems)"])
            }
            problem = problems
        }
    }

    private func goOn(with scope: Scope) async throws {
        let narrowWindow = stream.narrowWindow
        let step = state.withLock { state in
            // Until then what it has seen to may come by again.
            let mayEnd = scope == .all || state.all.merge.phase == .live
            let step = state.with(scope) { $0.nextStep(at: .now, narrowWindow: narrowWindow, mayEnd: mayEnd) } ?? .wait
            if case .end = step {
                if scope == .all { state.newest = nil }
                state.channels[scope] = nil
                channels.record(state.channels.count)
            }
            return step
        }
        switch step {
        case .wait: break
        case .begin(let position, let subject, let window):
            try await begin(scope, from: position, subject, window: window)
        case .end(let consumer, let subject):
            connection.unsubscribe(.init(subject))
            // One that is gone needn't be deleted.
            try? await stream.stopReading(consumer)
        case .acknowledge(let reply): send("+ACK", reply, nil)
        case .giveUp:
            logger.error(
                "what was missed can't be read in time, and what comes is given on",
                metadata: ["channel": "\(scope)"]
            )
        }
    }

    private func begin(_ scope: Scope, from position: UInt64, _ subject: String, window: Int) async throws {
        let last = try await stream.lastSequence()
        let first = last < position ? 1 : position + 1
        let former = state.withLock { $0.with(scope, subject: subject) { $0.subscribe(to: subject, from: first) } }
        // Something was missed meanwhile.
        guard let former else { return }
        if let former { connection.unsubscribe(.init(former)) }
        connection.subscribe(.init(subject), NATSReceiver { [weak self] in self?.stored($0, scope, subject) })
        do {
            let (consumer, pending) = try await stream.read(
                from: first,
                filter: scope.filter,
                window: window,
                to: subject
            )
            logger.log(
                level: scope == .all ? .info : .debug,
                "catching up",
                metadata: ["from": "\(first)", "pending": "\(pending)", "channel": "\(scope)"]
            )
            state.withLock { _ = $0.with(scope, subject: subject) { $0.begun(consumer, pending: pending) } }
        } catch {
            // It may have been made all the same.
            state.withLock { _ = $0.with(scope, subject: subject) { $0.leave() } }
            throw error
        }
    }
}

extension Message {
    /// As it comes out of the store.
    fileprivate var broughtLate: Message {
        var message = self
        message.isLate = true
        return message
    }
}
