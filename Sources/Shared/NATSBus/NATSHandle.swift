internal import CNATS
internal import Model
internal import NIOCore
internal import Synchronization

/// One connection of the client library; closed and freed with its last user.
final class NATSHandle: @unchecked Sendable {
    /// What of a subscription may wait to be taken; beyond that the library drops.
    static let maximumPendingBytes = 8 << 20

    /// The library allows its use from any thread.
    let pointer: OpaquePointer
    private struct Subscriptions {
        var live: [NATSConnection.Interest: Subscription] = [:]
        /// Ended, but perhaps still in the hands of the library's read loop, which doesn't hold on to what it looks up: they
        /// are freed after the next answer of the server, behind which nothing of theirs can be.
        var ended: [Subscription] = []
    }

    private let subscriptions = Mutex(Subscriptions())

    /// A subscription of the library; the pointer is used under the mutex only.
    private struct Subscription: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit {
        // First the read loop ends.
        natsConnection_Close(pointer)
        let all = subscriptions.withLock { Array($0.live.values) + $0.ended }
        for subscription in all { natsSubscription_Destroy(subscription.pointer) }
        natsConnection_Destroy(pointer)
    }

    /// Nothing happens if there is such a subscription, or the connection is closed.
    func subscribe(_ interest: NATSConnection.Interest, _ receiver: NATSReceiver) {
        subscriptions.withLock { subscriptions in
            guard subscriptions.live[interest] == nil else { return }
            var made: OpaquePointer?
            let closure = receiver.closure
            if let queue = interest.queue {
                natsConnection_QueueSubscribe(
                    &made,
                    pointer,
                    interest.subject,
                    queue,
                    NATSReceiver.handler,
                    closure
                )
            } else {
                natsConnection_Subscribe(&made, pointer, interest.subject, NATSReceiver.handler, closure)
            }
            guard let made else { return NATSReceiver.completed(closure) }
            natsSubscription_SetOnCompleteCB(made, NATSReceiver.completed, closure)
            natsSubscription_SetPendingLimits(made, 16_384, Int32(Self.maximumPendingBytes))
            subscriptions.live[interest] = Subscription(pointer: made)
        }
    }

    func unsubscribe(_ interest: NATSConnection.Interest) {
        subscriptions.withLock { subscriptions in
            guard let subscription = subscriptions.live.removeValue(forKey: interest) else { return }
            natsSubscription_Unsubscribe(subscription.pointer)
            subscriptions.ended.append(subscription)
        }
    }

    /// Waits for an answer of the server.
    func flush(timeout: Duration) throws(NATSError) {
        try check(freeingEnded { natsConnection_FlushTimeout(pointer, timeout.milliseconds) })
    }

    /// Frees the subscriptions that had ended before the server was asked something, if it answers.
    private func freeingEnded(_ ask: () -> natsStatus) -> natsStatus {
        let ended = subscriptions.withLock { subscriptions in
            defer { subscriptions.ended = [] }
            return subscriptions.ended
        }
        let status = ask()
        if status == NATS_OK {
            for subscription in ended { natsSubscription_Destroy(subscription.pointer) }
        } else {
            subscriptions.withLock { $0.ended += ended }
        }
        return status
    }

    /// Publishes with headers.
    func publish(
        _ bytes: UnsafeRawBufferPointer,
        to subject: String,
        reply: String?,
        headers: [String: String]
    ) -> natsStatus {
        var message: OpaquePointer?
        let data = bytes.assumingMemoryBound(to: CChar.self).baseAddress
        var status = natsMsg_Create(&message, subject, reply, data, Int32(clamping: bytes.count))
        defer { natsMsg_Destroy(message) }
        for (name, value) in headers where status == NATS_OK { status = natsMsgHeader_Set(message, name, value) }
        return status == NATS_OK ? natsConnection_PublishMsg(pointer, message) : status
    }
}
