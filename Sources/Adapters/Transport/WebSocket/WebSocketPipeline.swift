package import NIOCore
internal import NIOWebSocket

extension Channel {
    /// Reads frames in front of the handler; it writes its own as bytes.
    package func addWebSocketHandlers(_ handler: any ChannelHandler, maximumFrame: Int) throws {
        let decoder = ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: maximumFrame))
        try pipeline.syncOperations.addHandlers(decoder, handler)
    }
}
