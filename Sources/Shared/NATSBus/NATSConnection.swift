internal import CNATS
internal import Foundation
package import Logging
package import Messaging
internal import Metrics
package import Model
package import NIOCore
internal import Synchronization

/// A connection to NATS that comes back for ever: the client library reconnects, and where it gives up (a server that refuses
/// our credentials twice) a new connection is made. Subscriptions come back with it.
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
        /// How often the connection was lost: what was found out before a loss isn't worth anything after it.
        var losses = 0
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
        let trace: TraceContext?
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
        try check(
            natsOptions_SetReconnectedCB(options.pointer, { _, closure in of(closure)?.signal(.connected) }, closure)
        )
        try check(natsOptions_SetClosedCB(options.pointer, { _, closure in of(closure)?.signal(.closed) }, closure))
        try check(
            natsOptions_SetErrorHandler(
                options.pointer,
                { _, _, status, closure in of(closure)?.failed(status) },
                closure
            )
        )
    }

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

    private func changed(_ isUp: Bool) { for observer in observers.withLock({ $0 }) { observer.onChange(isUp) } }

    // MARK: Life

    /// Connects in the background, until that works.
    package func start() {
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
        let losses = state.withLock { state in
            state.denial = nil
            return state.losses
        }
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
            guard state.losses == losses, !state.isClosed else { return false }
            link.isUp = true
            return true
        }
        guard isUp else { return }
        logger.info("connected to NATS")
        changed(true)
    }

    fileprivate func lost() {
        let wasUp = state.withLock { state in
            state.losses += 1
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
    ///   - trace: goes with it in a header.
    package func publish(
        _ payload: ByteBufferView,
        to subject: String,
        reply: String? = nil,
        trace: TraceContext? = nil
    ) throws(NATSError) {
        guard BusSubject.isSafe(subject) else { throw NATSError("not a subject to publish to") }
        guard let handle else { throw .disconnected }
        let status = payload.withUnsafeBytes { bytes in
            if let trace { return handle.publish(bytes, to: subject, reply: reply, traceparent: trace.traceparent) }
            let (start, count) = (bytes.baseAddress, Int32(clamping: bytes.count))
            guard let reply else { return natsConnection_Publish(handle.pointer, subject, start, count) }
            return natsConnection_PublishRequest(handle.pointer, subject, reply, start, count)
        }
        try check(status)
    }

    /// The same on a thread of the connection's own, in order. Answers when the message is handed over; while there is no
    /// connection at once, and the message goes out when there is one again, if that isn't too late for the library.
    package func send(_ payload: ByteBuffer, to subject: String, trace: TraceContext? = nil) async throws {
        let isWaiting = link.isUp
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let item = Outgoing(payload: payload, subject: subject, trace: trace) { result in
                if isWaiting {
                    continuation.resume(with: result.mapError { $0 })
                } else if case .failure = result {
                    Counter(label: "fluxgate_bus_lost_total").increment()
                }
            }
            let isTaken = queue.add(item)
            if !isTaken || !isWaiting {
                continuation.resume(with: isTaken ? .success(()) : .failure(NATSError.disconnected))
            }
        }
    }

    /// Made when it is used first: most connections need none.
    private var queue: WorkQueue<Outgoing> {
        outgoing.withLock { outgoing in
            if let outgoing { return outgoing }
            let made = WorkQueue<Outgoing>("nats-out") {
                { items in
                    for item in items {
                        do throws(NATSError) {
                            try self.publish(item.payload.readableBytesView, to: item.subject, trace: item.trace)
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

    /// Publishes and gives the first answer. Blocks a thread of its own meanwhile.
    package func request(_ payload: ByteBuffer, to subject: String, timeout: Duration) async throws -> ByteBuffer {
        guard BusSubject.isSafe(subject) else { throw NATSError("not a subject to publish to") }
        guard let handle, link.isUp else { throw NATSError.disconnected }
        let answer = Mutex<Result<ByteBuffer, any Error>>(.failure(NATSError.disconnected))
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let result = handle.request(payload, to: subject, timeout: timeout)
                answer.withLock { $0 = result }
                continuation.resume()
            }
        }
        return try answer.withLock { $0 }.get()
    }
}

private func of(_ closure: UnsafeMutableRawPointer?) -> NATSConnection? {
    closure.map { Unmanaged<NATSConnection>.fromOpaque($0).takeUnretainedValue() }
}
