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

    /// Adds bytes.
    package mutating func append(_ bytes: ByteBuffer) {
        buffer.writeImmutableBuffer(bytes)
    }

    /// Adds what the body writes.
    package mutating func append(_ write: (inout ByteBuffer) -> Void) {
        write(&buffer)
    }

    /// Hands everything to the channel in one write, if the peer takes it; else it waits for the next call.
    package mutating func flush(to channel: any Channel) {
        guard !isEmpty, channel.isWritable else { return }
        let bytes = buffer
        buffer = ByteBuffer()
        channel.writeAndFlush(bytes, promise: nil)
    }

    /// Hands everything to the channel, whether the peer takes it or not: what follows is the end.
    package mutating func flushLast(to channel: any Channel) {
        guard !isEmpty else { return }
        channel.writeAndFlush(buffer, promise: nil)
        buffer = ByteBuffer()
    }
}
