internal import CNATS
internal import NIOCore
internal import Synchronization

/// One connection of the client library; closed and freed with its last user.
final class NATSHandle: @unchecked Sendable {
    /// The library allows its use from any thread.
    let pointer: OpaquePointer
    private let subscriptions = Mutex<[NATSConnection.Interest: Subscription]>([:])

    /// A subscription of the library; the pointer is used under the mutex only.
    private struct Subscription: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit {
        for subscription in subscriptions.withLock({ $0 }).values { natsSubscription_Destroy(subscription.pointer) }
        natsConnection_Destroy(pointer)
    }

    /// Nothing happens if there is such a subscription, or the connection is closed.
    func subscribe(_ interest: NATSConnection.Interest, _ receiver: NATSReceiver) {
        subscriptions.withLock { subscriptions in
            guard subscriptions[interest] == nil else { return }
            var made: OpaquePointer?
            if let queue = interest.queue {
                natsConnection_QueueSubscribe(
                    &made,
                    pointer,
                    interest.subject,
                    queue,
                    NATSReceiver.handler,
                    receiver.closure
                )
            } else {
                natsConnection_Subscribe(&made, pointer, interest.subject, NATSReceiver.handler, receiver.closure)
            }
            if let made { subscriptions[interest] = Subscription(pointer: made) }
        }
    }

    func unsubscribe(_ interest: NATSConnection.Interest) {
        guard let subscription = subscriptions.withLock({ $0.removeValue(forKey: interest) }) else { return }
        natsSubscription_Unsubscribe(subscription.pointer)
        natsSubscription_Destroy(subscription.pointer)
    }

    /// Publishes with a header.
    func publish(_ bytes: UnsafeRawBufferPointer, to subject: String, traceparent: String) -> natsStatus {
        var message: OpaquePointer?
        let data = bytes.assumingMemoryBound(to: CChar.self).baseAddress
        var status = natsMsg_Create(&message, subject, nil, data, Int32(clamping: bytes.count))
        defer { natsMsg_Destroy(message) }
        if status == NATS_OK { status = natsMsgHeader_Set(message, "traceparent", traceparent) }
        return status == NATS_OK ? natsConnection_PublishMsg(pointer, message) : status
    }

    func request(_ payload: ByteBuffer, to subject: String, timeout: Duration) -> Result<ByteBuffer, any Error> {
        var answer: OpaquePointer?
        let status = payload.readableBytesView.withUnsafeBytes { bytes in
            natsConnection_Request(
                &answer,
                pointer,
                subject,
                bytes.baseAddress,
                Int32(clamping: bytes.count),
                timeout.milliseconds
            )
        }
        defer { natsMsg_Destroy(answer) }
        guard status == NATS_OK, let answer else { return .failure(NATSError(status)) }
        return .success(NATSMessage(answer).payload)
    }
}
