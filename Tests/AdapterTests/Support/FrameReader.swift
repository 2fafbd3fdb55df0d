import NIOCore
import NIOEmbedded
import NIOWebSocket

/// NIO's own frame decoder, as a function.
enum FrameReader {
    /// The frames of a stream, up to the first that it refuses.
    static func read(_ stream: [UInt8], maximum: Int = 1 << 20) -> [WebSocketFrame] {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: maximum)))
        _ = try? channel.writeInbound(ByteBuffer(bytes: stream))
        var frames: [WebSocketFrame] = []
        while let frame = try? channel.readInbound(as: WebSocketFrame.self) { frames.append(frame) }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return frames
    }
}
