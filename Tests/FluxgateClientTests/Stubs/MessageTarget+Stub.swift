import FluxgateClient
import Messaging
import Model
import NIOCore
import Testing

extension MessageTarget {
    static let channelOfTests = "8f2ab4c2-6d0d-4c5f-9a55-6f8f6b0c2d11"

    /// A target at a stub server.
    static func at(_ address: ServiceAddress) throws -> MessageTarget {
        try MessageTarget(
            channel: try #require(ChannelID(channelOfTests)),
            via: nil,
            address: address,
            key: ThingKey("key-number-1"),
            default: .http,
            ClientVariables([:])
        )
    }
}

extension OutgoingMessage {
    static func sample(_ payload: String = "[]", subtopic: Substring = "", type: String = "") throws -> Self {
        OutgoingMessage(subtopic: try Subtopic(subtopic), contentType: type, payload: ByteBuffer(string: payload))
    }
}

/// Watches until so many messages have come, and gives them back.
func watch(_ pattern: Substring = "", at address: ServiceAddress, until count: Int) async throws -> [String] {
    let messages = Recorder<String>()
    let standing = Recorder<Int>()
    try await MessageTarget.at(address).watch(try SubtopicFilter(natsStyle: pattern)) {
        standing.record(messages.all.count)
    } received: { payload in
        messages.record(String(buffer: payload))
        return messages.all.count < count
    }
    #expect(standing.all == [0])
    return messages.all
}

/// Whether an error is a failure of this kind.
func isFailure(_ status: CommandStatus, _ error: any Error) -> Bool { (error as? ClientFailure)?.status == status }
