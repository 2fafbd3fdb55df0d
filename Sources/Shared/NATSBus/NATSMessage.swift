internal import CNATS
package import Model
package import NIOCore

/// A message as it came, good while its receiver runs.
package struct NATSMessage {
    private let message: OpaquePointer

    init(_ message: OpaquePointer) { self.message = message }

    package var subject: String { natsMsg_GetSubject(message).map { String(cString: $0) } ?? "" }

    /// Where an answer is expected, if one is.
    package var reply: String? { natsMsg_GetReply(message).map { String(cString: $0) } }

    /// The trace that it belongs to, if its sender said so.
    package var trace: TraceContext? {
        header("traceparent").flatMap { TraceContext(traceparent: $0) }
    }

    func header(_ name: String) -> String? {
        var value: UnsafePointer<CChar>?
        guard natsMsgHeader_Get(message, name, &value) == NATS_OK, let value else { return nil }
        return String(cString: value)
    }

    /// A copy of the payload.
    package var payload: ByteBuffer {
        guard let start = natsMsg_GetData(message) else { return ByteBuffer() }
        return ByteBuffer(bytes: UnsafeRawBufferPointer(start: start, count: Int(natsMsg_GetDataLength(message))))
    }
}

/// Who gets the messages of a subscription, on a thread of the client library. It lives until that says that it calls it no more, which
/// may be after the subscription has ended.
package final class NATSReceiver: Sendable {
    let receive: @Sendable (NATSMessage) -> Void

    package init(_ receive: @escaping @Sendable (NATSMessage) -> Void) { self.receive = receive }

    /// What the client library hands back; ``completed`` lets go of it.
    var closure: UnsafeMutableRawPointer { Unmanaged.passRetained(self).toOpaque() }

    static let completed: @convention(c) (UnsafeMutableRawPointer?) -> Void = { closure in
        if let closure { Unmanaged<NATSReceiver>.fromOpaque(closure).release() }
    }

    static let handler: natsMsgHandler = { _, _, message, closure in
        defer { natsMsg_Destroy(message) }
        guard let message, let closure else { return }
        Unmanaged<NATSReceiver>.fromOpaque(closure).takeUnretainedValue().receive(NATSMessage(message))
    }
}
