internal import Logging
internal import Messaging
internal import Metrics
internal import Model
internal import Synchronization

/// Brings what passed by live subscribers out of the stream: after the connection was lost, and after the client library
/// dropped what came faster than it was taken.
///
/// While all is well it notes once a second how far the stream is. After a loss it reads from where the stream was a second
/// or two before, which needs no clock; ``MessageMerge`` says what of that is new. It reads on for a while after it has seen the end,
/// for what was on its way into the stream.
final class CatchUp: Sendable {
    private struct State {
        var merge: MessageMerge
        /// Up to here the stream has come by, live or read; nil: it was never seen.
        var position: UInt64?
        /// Where the stream was when it was looked at last.
        var newest: UInt64?
        /// Counts the readings; what an earlier one still brings isn't heard.
        var reading = 0
        /// The reading whose subject is subscribed to.
        var subscribed: Int?
        /// Set while a consumer of the stream's is there.
        var consumer: String?
        /// Messages that were brought and not yet called taken.
        var untaken = 0
        var caughtUp: ContinuousClock.Instant?
        /// When the consumer was heard last.
        var heard = ContinuousClock.now
        /// When a reading was due first.
        var due: ContinuousClock.Instant?

        /// What the consumer there still brings isn't heard any more.
        mutating func leaveReading() {
            reading += 1
            (consumer, caughtUp) = (nil, nil)
        }

        mutating func reachedEnd() {
            merge.caughtUp()
            if caughtUp == nil { caughtUp = .now }
        }
    }

    private enum Step {
        case look
        case begin(from: UInt64, reading: Int)
        case end(consumer: String)
        case wait
    }

    private static let pace = Duration.milliseconds(100)
    /// How often the stream is looked at.
    private static let look = Duration.seconds(1)
    /// How long the stream is read after its end was seen: longer than a message may be on its way into it.
    private static let tail = Duration.seconds(6)
    /// How long live messages wait then for what was left to it.
    private static let longestTail = Duration.seconds(30)
    /// After so long without an answer, or with more in the stream than can be read, what comes live is given on, whatever may be
    /// missing before it.
    private static let patience = Duration.seconds(10)
    private static let longestReading = Duration.seconds(60)
    /// A consumer that is silent for so long, without a heartbeat, is gone.
    private static let longestSilence = MessageStream.heartbeat * 3

    private let connection: NATSConnection
    private let stream: MessageStream
    private let inbox: BusInbox
    private let subject = "_INBOX.\(UniqueID.random())"
    private let logger: Logger
    private let send: @Sendable (_ word: String, _ subject: String, _ reply: String?) -> Void
    private let brought = Counter(label: "fluxgate_bus_caught_up_total")
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
        state = Mutex(State(merge: MessageMerge(own: own)))
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
            guard state.position != nil, isCutOff || state.merge.phase != .reading else { return }
            state.merge.missed()
            state.leaveReading()
            state.due = .now
        }
    }

    /// Whether a message that came live is to be given on now.
    func live(_ stamp: BusStamp?) -> Bool { state.withLock { $0.merge.live(stamp) } }

    private func stored(_ incoming: NATSMessage, reading: Int) {
        state.withLock { if $0.reading == reading { $0.heard = .now } }
        // A heartbeat has no place.
        guard let reply = incoming.reply, let place = StreamPlace(reply: reply) else { return }
        let read = inbox.read(incoming)
        let isWanted = state.withLock { state -> Bool? in
            guard state.reading == reading else { return nil }
            state.position = max(state.position ?? 0, place.sequence)
            state.untaken += 1
            return read.map { state.merge.stored($0.stamp) } ?? false
        }
        guard let isWanted else { return }
        if isWanted, var message = read?.message {
            message.isLate = true
            brought.increment()
            inbox.give(message)
        }
        let isDue = state.withLock { state in
            guard state.reading == reading else { return false }
            if place.pending == 0 { state.reachedEnd() }
            guard place.pending == 0 || state.untaken >= stream.window / 2 else { return false }
            state.untaken = 0
            return true
        }
        if isDue { inbox.whenTaken { [send] in send("+ACK", reply, nil) } }
    }

    // MARK: Looking after the stream

    /// Until the task is canceled.
    func run() async {
        var (looked, problem) = (ContinuousClock.now - Self.look, "")
        while (try? await Task.sleep(for: Self.pace)) != nil {
            guard connection.link.isUp else { continue }
            do {
                switch nextStep(looked) {
                case .look:
                    looked = .now
                    send("", stream.infoSubject, lookSubject)
                case .begin(let position, let reading):
                    try await begin(from: position, reading)
                case .end(let consumer):
                    subscribe(to: nil)
                    try await stream.stopReading(consumer)
                case .wait:
                    break
                }
                problem = ""
            } catch {
                if problem != "\(error)" {
                    logger.warning("the stream can't be read", metadata: ["reason": "\(error)"])
                }
                problem = "\(error)"
            }
        }
    }

    private func nextStep(_ looked: ContinuousClock.Instant) -> Step {
        let now = ContinuousClock.now
        return state.withLock { state in
            if state.merge.phase == .live { return now - looked >= Self.look ? .look : .wait }
            if state.consumer != nil, now - state.heard > Self.longestSilence {
                state.leaveReading()
            }
            if state.merge.phase == .reading, let due = state.due,
                now - due > (state.consumer == nil ? Self.patience : Self.longestReading)
            {
                logger.error("what was missed can't be read in time, and what comes is given on")
                state.merge.givenUp()
            }
            guard let consumer = state.consumer else {
                return .begin(from: state.position ?? 0, reading: state.reading)
            }
            guard let caughtUp = state.caughtUp, now - caughtUp > Self.tail else { return .wait }
            guard state.merge.isComplete else {
                guard now - caughtUp > Self.longestTail else { return .wait }
                // The store never gets ahead of what comes live: from now on that is given on, and the tail begins anew.
                state.merge.givenUp()
                state.caughtUp = now
                return .wait
            }
            state.merge.finished()
            state.leaveReading()
            (state.due, state.newest) = (nil, nil)
            return .end(consumer: consumer)
        }
    }

    /// What the stream had when it was looked at before has come by since then: the answer comes on the thread of the messages,
    /// behind all that came before it.
    private func looked(_ incoming: NATSMessage) {
        guard let last = MessageStream.lastSequence(in: incoming.payload) else { return }
        state.withLock { state in
            guard state.merge.phase == .live else { return }
            // One that was made anew counts from 1.
            state.position = min(state.newest ?? state.position ?? last, last)
            state.newest = last
        }
    }

    private func begin(from position: UInt64, _ reading: Int) async throws {
        let last = try await stream.lastSequence()
        let first = last < position ? 1 : position + 1
        subscribe(to: reading)
        let (consumer, pending) = try await stream.read(from: first, to: interest(reading).subject)
        logger.info("catching up", metadata: ["from": "\(first)", "pending": "\(pending)"])
        state.withLock { state in
            guard state.reading == reading else { return }
            (state.consumer, state.heard) = (consumer, .now)
            if pending == 0 { state.reachedEnd() }
        }
    }

    /// To one reading's subject at most.
    private func subscribe(to reading: Int?) {
        let former = state.withLock { state in
            defer { state.subscribed = reading }
            return state.subscribed
        }
        guard former != reading else { return }
        if let former { connection.unsubscribe(interest(former)) }
        guard let reading else { return }
        connection.subscribe(interest(reading), NATSReceiver { [weak self] in self?.stored($0, reading: reading) })
    }

    private var lookSubject: String { "\(subject).look" }

    private func interest(_ reading: Int) -> NATSConnection.Interest { .init("\(subject).\(reading)") }
}
