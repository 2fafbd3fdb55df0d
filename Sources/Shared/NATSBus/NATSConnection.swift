internal import CNATS
internal import Foundation
package import Logging
package import Messaging
internal import Metrics
package import Model
package import NIOCore
internal import Synchronization

/// A connection to NATS that comes back for ever: when one of the client library's is lost another is made. Subscriptions come back with it; what was
/// on its way is lost, and doesn't come later.
package final class NATSConnection: Sendable {
    /// One subscription that is wanted, whatever connection there is.
    package struct Interest: Hashable, Sendable {
        package let subject: String
        package let queue: String?

        package init(_ subject: String, queue: String? = nil) { (self.subject, self.queue) = (subject, queue) }
    }

    private struct State {
        var handle: NATSHandle?
        var wanted: [Interest: NATSReceiver] = [:]
        var isClosed = false
        var lastProblem = "no connection yet"
        var nextComplaint = ContinuousClock.now
        /// A subject that the server doesn't let us use.
        var denial: String?
    }

    fileprivate enum Signal: Sendable {
        case connected, closed
    }

    private struct Outgoing: Sendable {
        let payload: ByteBuffer
        let subject: String
        var reply: String?
        var headers: [String: String] = [:]
        /// As ``losses`` was when it was handed over: what was for a connection that is lost doesn't go to the next.
        let losses: Int
        /// What is asked by it; who doesn't wait for the answer any more had better not ask.
        var question: UInt64?
        let then: @Sendable (Result<Void, NATSError>) -> Void
    }

    /// Whether it is connected, with all subscriptions in force.
    package let link = BusLink()

    /// An error that comes again and again is logged no more often; gaps are counted each.
    private static let complaintPace = Duration.seconds(5)

    private let options: NATSOptions
    let largestPayload: Int
    private let logger: Logger
    private let state = Mutex(State())
    /// What the library told, for the thread that connects.
    private let signals = SignalQueue<Signal>()
    private let outgoing = Mutex<WorkQueue<Outgoing>?>(nil)
    private let requests = NATSRequests()
    private let lossCount = Atomic(0)
    private let observers = Mutex<[Observer]>([])

    private struct Observer: Sendable {
        let onChange: @Sendable (Bool) -> Void
        let onGap: @Sendable () -> Void
    }

    /// Prepares a connection; ``start()`` makes it.
    ///
    /// - Parameter sharesThread: whether all subscriptions are called on one thread of the process, in turn, and not on one
    ///   of their own each.
    /// - Throws: if an option or a file can't be used.
    package init(
        _ configuration: NATSConfiguration,
        sharesThread: Bool,
        logger: Logger
    ) throws(NATSError) {
        options = try NATSOptions(configuration)
        largestPayload = configuration.largestPayload
        self.logger = logger
        try check(natsOptions_UseGlobalMessageDelivery(options.pointer, sharesThread))
        // The library may call back at any time, also while it closes: it holds us for as long as the process lives.
        let closure = Unmanaged.passRetained(self).toOpaque()
        try check(natsOptions_SetDisconnectedCB(options.pointer, { _, closure in of(closure)?.lost() }, closure))
        try check(natsOptions_SetClosedCB(options.pointer, { _, closure in of(closure)?.signal(.closed) }, closure))
        try check(
            natsOptions_SetErrorHandler(
                options.pointer,
                { _, _, status, closure in of(closure)?.failed(status) },
                closure
            )
        )
    }

    /// Changes when the connection is lost: what was found out or handed over before isn't worth anything after it.
    var losses: Int { lossCount.load(ordering: .sequentiallyConsistent) }

    /// Why it can't be used; nil if it can.
    package var outage: String? {
        state.withLock { state in link.isUp ? state.denial : state.lastProblem }
    }

    /// Before ``start()``: tells of what happens to the connection, on threads of its own.
    ///
    /// - Parameters:
    ///   - onChange: called with true after each connect, and with false when the connection is lost.
    ///   - onGap: called when messages of a subscription were dropped because they came faster than they were taken.
    package func observe(onChange: @escaping @Sendable (Bool) -> Void, onGap: @escaping @Sendable () -> Void) {
        observers.withLock { $0.append(Observer(onChange: onChange, onGap: onGap)) }
    }

    private func changed(_ isUp: Bool) {
        if !isUp { requests.failAll() }
        for observer in observers.withLock({ $0 }) { observer.onChange(isUp) }
    }

    // MARK: Life

    /// Connects in the background, until that works.
    package func start() {
        subscribe(.init(requests.subject), NATSReceiver { [requests] in requests.answered($0) })
        let thread = Thread { self.connectForEver() }
        thread.name = "nats"
        thread.start()
    }

    /// Sends what is under way and disconnects, for good. A server that hangs is waited for no longer than some seconds.
    package func close() {
        outgoing.withLock { $0?.close(within: 2) }
        let handle = state.withLock { state in
            state.isClosed = true
            return state.handle
        }
        let isConnected = link.isUp
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            if let handle {
                if isConnected { natsConnection_FlushTimeout(handle.pointer, 1_000) }
                natsConnection_Close(handle.pointer)
            }
            done.signal()
        }
        _ = done.wait(timeout: .now() + 3)
        signal(.closed)
    }

    private func connectForEver() {
        var pause = 0.1
        while !state.withLock({ $0.isClosed }) {
            var pointer: OpaquePointer?
            let status = natsConnection_Connect(&pointer, options.pointer)
            guard status == NATS_OK, let pointer else {
                problem(NATSError(status).description)
                _ = signals.next(within: pause * .random(in: 0.5...1.5))
                pause = min(pause * 2, 2)
                continue
            }
            pause = 0.1
            serve(NATSHandle(pointer))
        }
    }

    /// Stays with one connection of the library until that is given up.
    private func serve(_ handle: NATSHandle) {
        let wanted = state.withLock { state in
            state.handle = handle
            return state.wanted
        }
        for (interest, receiver) in wanted { handle.subscribe(interest, receiver) }
        connected(handle)
        while signals.next(within: nil) == .connected { connected(handle) }
        lost()
        state.withLock { $0.handle = nil }
    }

    /// Declares the connection usable, once the server has all subscriptions.
    private func connected(_ handle: NATSHandle) {
        let losses = losses
        state.withLock { $0.denial = nil }
        let limit = Int(natsConnection_GetMaxPayload(handle.pointer))
        guard limit >= largestPayload else {
            return problem("the server takes payloads of \(limit) bytes, and \(largestPayload) may be sent")
        }
        do throws(NATSError) {
            try handle.flush(timeout: .seconds(5))
        } catch {
            problem("\(error)")
            // A server that is slow but there gives no other signal.
            Thread.sleep(forTimeInterval: 1)
            return signal(.connected)
        }
        let isUp = state.withLock { state in
            // Lost meanwhile: another signal follows.
            guard self.losses == losses, !state.isClosed else { return false }
            link.isUp = true
            return true
        }
        guard isUp else { return }
        logger.info("connected to NATS")
        changed(true)
    }

    fileprivate func lost() {
        // What is handed over while others hear of it belongs to neither connection.
        lossCount.add(1, ordering: .sequentiallyConsistent)
        defer { lossCount.add(1, ordering: .sequentiallyConsistent) }
        let wasUp = state.withLock { _ in
            defer { link.isUp = false }
            return link.isUp
        }
        problem("the connection was lost")
        if wasUp { changed(false) }
    }

    fileprivate func signal(_ signal: Signal) { signals.add(signal) }

    fileprivate func failed(_ status: natsStatus) {
        switch status {
        case NATS_SLOW_CONSUMER:
            Counter(label: "fluxgate_bus_gaps_total").increment()
            for observer in observers.withLock({ $0 }) { observer.onGap() }
        case NATS_NOT_PERMITTED:
            state.withLock { $0.denial = "the server doesn't permit a subject" }
        default:
            break
        }
        let isDue = state.withLock { state in
            guard ContinuousClock.now >= state.nextComplaint else { return false }
            state.nextComplaint = .now + Self.complaintPace
            return true
        }
        if isDue { logger.warning("NATS", metadata: ["error": "\(NATSError(status))"]) }
    }

    /// Each problem is logged once, not with each attempt.
    private func problem(_ text: String) {
        let isNew = state.withLock { state in
            defer { state.lastProblem = text }
            return state.lastProblem != text && !state.isClosed
        }
        if isNew { logger.warning("no connection to NATS", metadata: ["reason": "\(text)"]) }
    }

    private var handle: NATSHandle? { state.withLock { $0.handle } }

    // MARK: Messages

    /// Has the subject's messages given to the receiver, on this connection and all that follow it.
    package func subscribe(_ interest: Interest, _ receiver: NATSReceiver) {
        let handle = state.withLock { state in
            state.wanted[interest] = receiver
            return state.handle
        }
        handle?.subscribe(interest, receiver)
    }

    package func unsubscribe(_ interest: Interest) {
        let handle = state.withLock { state in
            state.wanted[interest] = nil
            return state.handle
        }
        handle?.unsubscribe(interest)
    }

    /// Hands a message to the client library, which sends it within a moment. May block for seconds while a server doesn't
    /// read or a connection is made: for threads of their own only.
    ///
    /// - Parameters:
    ///   - reply: where an answer is expected.
    package func publish(
        _ payload: ByteBufferView,
        to subject: String,
        reply: String? = nil,
        headers: [String: String] = [:]
    ) throws(NATSError) {
        guard BusSubject.isSafe(subject) else { throw NATSError("not a subject to publish to") }
        guard let handle else { throw .disconnected }
        let status = payload.withUnsafeBytes { bytes in
            guard headers.isEmpty else { return handle.publish(bytes, to: subject, reply: reply, headers: headers) }
            let (start, count) = (bytes.baseAddress, Int32(clamping: bytes.count))
            guard let reply else { return natsConnection_Publish(handle.pointer, subject, start, count) }
            return natsConnection_PublishRequest(handle.pointer, subject, reply, start, count)
        }
        try check(status)
    }

    /// The same on a thread of the connection's own, in order; what can't be handed over is counted as lost.
    package func post(
        _ payload: ByteBuffer,
        to subject: String,
        reply: String? = nil,
        trace: TraceContext? = nil
    ) {
        queue.add(
            Outgoing(payload: payload, subject: subject, reply: reply, headers: trace.headers, losses: losses) {
                result in
                if case .failure = result { Counter(label: "fluxgate_bus_lost_total").increment() }
            }
        )
    }

    /// Made when it is used first: most connections need none.
    private var queue: WorkQueue<Outgoing> {
        outgoing.withLock { outgoing in
            if let outgoing { return outgoing }
            let made = WorkQueue<Outgoing>("nats-out") {
                { items in
                    for item in items {
                        do throws(NATSError) {
                            guard item.losses == self.losses else { throw .disconnected }
                            if let question = item.question, !self.requests.isWaiting(question) { continue }
                            try self.publish(
                                item.payload.readableBytesView,
                                to: item.subject,
                                reply: item.reply,
                                headers: item.headers
                            )
                            item.then(.success(()))
                        } catch {
                            item.then(.failure(error))
                        }
                    }
                }
            }
            outgoing = made
            return made
        }
    }

    /// Waits until the server has taken everything that was sent before. Throws if it doesn't within the time.
    package func flush(timeout: Duration) throws(NATSError) {
        guard let handle else { throw .disconnected }
        try handle.flush(timeout: timeout)
    }

    /// Publishes and gives the first answer; ``NATSError/noResponders`` if nobody is there to give one.
    package func request(
        _ payload: ByteBuffer,
        to subject: String,
        headers: [String: String] = [:],
        timeout: Duration
    ) async throws(NATSError) -> ByteBuffer {
        guard link.isUp else { throw .disconnected }
        let answer: NATSRequests.Answer? = await answer { then in
            let (number, reply) = requests.begin(timeout: timeout, then: then)
            let item = Outgoing(
                payload: payload,
                subject: subject,
                reply: reply,
                headers: headers,
                losses: losses,
                question: number
            ) { [requests] in
                if case .failure(let error) = $0 { requests.end(number, .failure(error)) }
            }
            if !queue.add(item) { requests.end(number, .failure(.disconnected)) }
        }
        guard let answer else { throw .disconnected }
        return try answer.get()
    }
}

extension TraceContext? {
    /// What says so beside a message.
    package var headers: [String: String] { map { ["traceparent": $0.traceparent] } ?? [:] }
}

private func of(_ closure: UnsafeMutableRawPointer?) -> NATSConnection? {
    closure.map { Unmanaged<NATSConnection>.fromOpaque($0).takeUnretainedValue() }
}
