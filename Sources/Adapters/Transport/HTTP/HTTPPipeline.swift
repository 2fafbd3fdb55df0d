package import NIOCore
internal import NIOHTTP1

/// Most bytes that the decoder may hold unread. It reads nothing after an upgrade request, and would gather the rest for
/// ever; of a head it holds one field.
private let maximumUnread = 1 << 20

extension Channel {
    /// Reads requests in front of the handler; answers are written as bytes.
    package func addHTTPHandlers<Endpoint>(_ handler: HTTPConnectionHandler<Endpoint>) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 8 * 1_024
        limits.maxHeaderListSize = 16 * 1_024
        limits.maxHeaderFieldCount = 100
        let decoder = HTTPRequestDecoder(
            leftOverBytesStrategy: .forwardBytes,
            informationalResponseStrategy: .drop,
            limitConfiguration: limits
        )
        try pipeline.syncOperations.addHandlers(
            ByteToMessageHandler(decoder, maximumBufferSize: maximumUnread),
            handler
        )
    }
}
