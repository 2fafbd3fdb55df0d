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
        /// Set while a consumer of the stream's is there.
        var consumer: String?
        /// Messages that were brought and not yet called taken.
        var untaken = 0
        var caughtUp: ContinuousClock.Instant?
        /// When a reading was due first.
        var due: ContinuousClock.Instant?

        mutating func reachedEnd() {
            merge.caughtUp()
            if caughtUp == nil { caughtUp = .now }
        }
    }

    private enum Step {
        case look
        case begin(from: UInt64, reading: Int)
        case end(reading: Int, consumer: String)
        case wait
    }

    private static let pace = Duration.milliseconds(100)
    /// How often the stream is looked at.
    private static let look = Duration.seconds(1)
    /// How long the stream is read after its end was seen: longer than a message may be on its way into it.
    private static let tail = Duration.seconds(6)
    /// How long it is read at most for what was left to it and doesn't come.
    private static let longestTail = Duration.seconds(30)
    /// After so long without an answer what comes live is given on, whatever may be missing before it.
    private static let patience = Duration.seconds(10)

    private let connection: NATSConnection
    private let stream: MessageStream
    private let inbox: BusInbox
    private let subject = "_INBOX.\(UniqueID.random())"
    private let logger: Logger
    private let taken: @Sendable (String) -> Void
    private let brought = Counter(label: "fluxgate_bus_caught_up_total")
    private let state: Mutex<State>

    /// - Parameter taken: told with the reply subject of a message up to which all have been taken.
    init(
        _ connection: NATSConnection,
        _ stream: MessageStream,
        _ inbox: BusInbox,
        own: UInt64,
        logger: Logger,
        taken: @escaping @Sendable (String) -> Void
    ) {
        self.connection = connection
        self.stream = stream
        self.inbox = inbox
        self.logger = logger
        self.taken = taken
        state = Mutex(State(merge: MessageMerge(own: own)))
        connection.observe(
            onChange: { [weak self] isUp in if !isUp { self?.missed() } },
            onGap: { [weak self] in self?.missed() }
        )
    }

    // MARK: On the threads of the connection

    private func missed() {
        state.withLock { state in
            // Who never saw the stream has nothing to go back to.
            guard state.position != nil else { return }
            state.merge.missed()
            state.reading += 1
            state.consumer = nil
            state.caughtUp = nil
            state.due = .now
        }
    }

    /// Whether a message that came live is to be given on now.
    func live(_ stamp: BusStamp?) -> Bool { state.withLock { $0.merge.live(stamp) } }

    private func stored(_ incoming: NATSMessage, reading: Int) {
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
            if place.pending == 0 { state.reachedEnd() }
            guard place.pending == 0 || state.untaken >= stream.window / 2 else { return false }
            state.untaken = 0
            return true
        }
        if isDue { inbox.whenTaken { [taken] in taken(reply) } }
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
                    try await lookAtStream()
                case .begin(let position, let reading):
                    try await begin(from: position, reading)
                case .end(let reading, let consumer):
                    connection.unsubscribe(interest(reading))
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
            guard let consumer = state.consumer else {
                if state.merge.phase == .reading, let due = state.due, now - due > Self.patience {
                    logger.error("what was missed can't be read, and what comes is given on")
                    state.merge.caughtUp()
                }
                return .begin(from: state.position ?? 0, reading: state.reading)
            }
            guard let caughtUp = state.caughtUp, now - caughtUp > Self.tail,
                state.merge.isComplete || now - caughtUp > Self.longestTail
            else { return .wait }
            let reading = state.reading
            state.merge.finished()
            state.reading += 1
            (state.consumer, state.caughtUp, state.due, state.newest) = (nil, nil, nil, nil)
            return .end(reading: reading, consumer: consumer)
        }
    }

    /// What the stream had when it was looked at before has come by since then.
    private func lookAtStream() async throws {
        let last = try await stream.lastSequence()
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
        connection.unsubscribe(interest(reading - 1))
        connection.subscribe(interest(reading), NATSReceiver { [weak self] in self?.stored($0, reading: reading) })
        let (consumer, pending) = try await stream.read(from: first, to: interest(reading).subject)
        logger.info("catching up", metadata: ["from": "\(first)", "pending": "\(pending)"])
        state.withLock { state in
            guard state.reading == reading else { return }
            state.consumer = consumer
            if pending == 0 { state.reachedEnd() }
        }
    }

    private func interest(_ reading: Int) -> NATSConnection.Interest { .init("\(subject).\(reading)") }
}
