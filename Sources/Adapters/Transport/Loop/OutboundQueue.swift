package import NIOCore

/// What a connection has to send, in one buffer: it is written once a turn of the loop, and grows to a limit while the
/// peer doesn't read.
package struct OutboundQueue {
    private var buffer = ByteBuffer()
    private let limit: Int
    /// Whether the connection is on its component's list of those that have something to write.
    package var isListed = false

    /// - Parameter limit: most bytes that wait; as many again may be on their way to the kernel.
    package init(limit: Int) {
        self.limit = limit
    }

    package var isEmpty: Bool { buffer.readableBytes == 0 }

    /// Whether so many more bytes may wait.
    package func hasRoom(for bytes: Int) -> Bool {
        buffer.readableBytes &+ bytes <= limit
    }

    package var isHalfFull: Bool { buffer.readableBytes > limit / 2 }

    /// Whether the peer takes so little that nothing more should be read from it, because that too would be answered.
    /// Twice the limit, so that full queues of messages alone don't stop anybody.
    package var isOverfull: Bool { buffer.readableBytes / 2 > limit }

    /// Adds bytes.
    package mutating func append(_ bytes: ByteBuffer) {
        buffer.writeImmutableBuffer(bytes)
    }

    /// Adds what the body writes.
    package mutating func append(_ write: (inout ByteBuffer) -> Void) {
        write(&buffer)
    }

    /// Everything that waits, if the channel takes it; else it waits for the next call.
    ///
    /// Taking and writing are two steps, because a write may call back to its connection, and from there to this queue.
    package mutating func next(for channel: any Channel) -> ByteBuffer? {
        channel.isWritable ? rest() : nil
    }

    /// Everything that waits, whether the channel takes it or not: what follows is the end.
    package mutating func rest() -> ByteBuffer? {
        guard !isEmpty else { return nil }
        defer { buffer = ByteBuffer() }
        return buffer
    }
}

extension Channel {
    /// Writes the bytes, if there are any.
    package func send(_ bytes: ByteBuffer?) {
        if let bytes { writeAndFlush(bytes, promise: nil) }
    }

    /// Whether the kernel has all that was written.
    package var hasWrittenAll: Bool { (try? syncOptions?.getOption(.bufferedWritableBytes)) == 0 }
}
