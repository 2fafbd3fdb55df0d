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
        var lastProblem = "no connection yet"
    }

    /// Whether it is connected.
    package let link = BusLink()

    private let options: NATSOptions
    private let logger: Logger
    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)
    /// Called with true after each connect, and with false when the connection is lost.
    private let onChange: @Sendable (Bool) -> Void
    /// Called when messages of a subscription were dropped because they came faster than they were taken.
    private let onGap: @Sendable () -> Void

    /// Prepares a connection; ``start()`` makes it.
    ///
    /// - Parameter sharesThread: whether all subscriptions are called on one thread of the process, in turn, and not on one
    ///   of their own each.
    /// - Throws: if an option or a file can't be used.
    package init(
        _ configuration: NATSConfiguration,
        sharesThread: Bool,
        logger: Logger,
        onChange: @escaping @Sendable (Bool) -> Void = { _ in },
        onGap: @escaping @Sendable () -> Void = {}
    ) throws(NATSError) {
        options = try NATSOptions(configuration)
        self.logger = logger
        self.onChange = onChange
        self.onGap = onGap
        try check(natsOptions_UseGlobalMessageDelivery(options.pointer, sharesThread))
        // The library may call back at any time, also while it closes: it holds us for as long as the process lives.
        let closure = Unmanaged.passRetained(self).toOpaque()
        try check(
            natsOptions_SetDisconnectedCB(options.pointer, { _, closure in of(closure)?.changed(isUp: false) }, closure)
        )
        try check(
            natsOptions_SetReconnectedCB(options.pointer, { _, closure in of(closure)?.changed(isUp: true) }, closure)
        )
        try check(natsOptions_SetClosedCB(options.pointer, { _, closure in of(closure)?.closed() }, closure))
        try check(
            natsOptions_SetErrorHandler(
                options.pointer,
                { _, _, status, closure in of(closure)?.failed(status) },
                closure
            )
        )
    }

    /// Why it isn't connected; nil if it is.
    package var outage: String? { link.isUp ? nil : state.withLock { $0.lastProblem } }

    // MARK: Life

    /// Connects in the background, until that works.
    package func start() {
        let thread = Thread { self.connectForEver() }
        thread.name = "nats"
        thread.start()
    }

    /// Sends what is under way and disconnects, for good.
    package func close() {
        let handle = state.withLock { state in
            state.isClosed = true
            return state.handle
        }
        if let handle, link.isUp { natsConnection_FlushTimeout(handle.pointer, 1_000) }
        if let handle { natsConnection_Close(handle.pointer) }
        ended.signal()
    }

    private func connectForEver() {
        var pause = 0.1
        while !state.withLock({ $0.isClosed }) {
            var pointer: OpaquePointer?
            let status = natsConnection_Connect(&pointer, options.pointer)
            guard status == NATS_OK, let pointer else {
                problem(NATSError(status).description)
                _ = ended.wait(timeout: .now() + pause * .random(in: 0.5...1.5))
                pause = min(pause * 2, 2)
                continue
            }
            pause = 0.1
            connected(NATSHandle(pointer))
            ended.wait()
        }
    }

    private func connected(_ handle: NATSHandle) {
        let wanted = state.withLock { state in
            state.handle = handle
            return state.wanted
        }
        for (interest, receiver) in wanted { handle.subscribe(interest, receiver) }
        changed(isUp: true)
    }

    fileprivate func changed(isUp: Bool) {
        link.isUp = isUp
        if isUp {
            logger.info("connected to NATS")
        } else {
            problem("the connection was lost")
        }
        onChange(isUp)
    }

    /// The library has given this connection up.
    fileprivate func closed() {
        link.isUp = false
        let isClosed = state.withLock { state in
            state.handle = nil
            return state.isClosed
        }
        if !isClosed { ended.signal() }
    }

    fileprivate func failed(_ status: natsStatus) {
        if status == NATS_SLOW_CONSUMER {
            Counter(label: "fluxgate_bus_gaps_total").increment()
            onGap()
        }
        logger.warning("NATS", metadata: ["error": "\(NATSError(status))"])
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

    /// Hands a message to the client library, which sends it within a moment. May wait up to the write deadline for a server
    /// that doesn't read.
    ///
    /// - Parameter trace: goes with it in a header.
    package func publish(
        _ payload: ByteBufferView,
        to subject: String,
        trace: TraceContext? = nil
    ) throws(NATSError) {
        guard BusSubject.isSafe(subject) else { throw NATSError("not a subject to publish to") }
        guard let handle else { throw .disconnected }
        let status = payload.withUnsafeBytes { bytes in
            guard let trace else {
                return natsConnection_Publish(handle.pointer, subject, bytes.baseAddress, Int32(clamping: bytes.count))
            }
            return handle.publish(bytes, to: subject, traceparent: trace.traceparent)
        }
        try check(status)
    }

    /// Waits until the server has taken everything that was sent before. Throws if it doesn't within the time.
    package func flush(timeout: Duration) throws(NATSError) {
        guard let handle else { throw .disconnected }
        try check(natsConnection_FlushTimeout(handle.pointer, timeout.milliseconds))
    }

    /// Publishes and gives the first answer. Blocks a thread of its own meanwhile.
    package func request(_ payload: ByteBuffer, to subject: String, timeout: Duration) async throws -> ByteBuffer {
        guard BusSubject.isSafe(subject) else { throw NATSError("not a subject to publish to") }
        guard let handle, link.isUp else { throw NATSError.disconnected }
        return try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: handle.request(payload, to: subject, timeout: timeout))
            }
        }
    }
}

private func of(_ closure: UnsafeMutableRawPointer?) -> NATSConnection? {
    closure.map { Unmanaged<NATSConnection>.fromOpaque($0).takeUnretainedValue() }
}
