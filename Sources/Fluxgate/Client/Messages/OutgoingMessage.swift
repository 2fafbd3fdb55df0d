package import Messaging
internal import Model
package import NIOCore

/// A message to send.
package struct OutgoingMessage: Sendable {
    package let subtopic: SubtopicFilter
    /// Empty: none.
    package let contentType: String
    package let payload: ByteBuffer

    package init(subtopic: Subtopic, contentType: String, payload: ByteBuffer) {
        self.subtopic = SubtopicFilter(levels: subtopic.levels.map { .literal($0) }, tail: .exact)
        self.contentType = contentType
        self.payload = payload
    }
}

extension MessageTarget {
    /// Sends a message; when this returns, the platform has taken it.
    package func send(_ message: OutgoingMessage) async throws {
        switch transport {
        case .http:
            try await RESTClient.run(timeout: .seconds(60), tls: tls) { rest in
                _ = try await rest.post(
                    path(message.subtopic),
                    at: address,
                    message.payload,
                    contentType: message.contentType.isEmpty ? nil : message.contentType,
                    authorization: key?.secret,
                    action: "Sending"
                )
            }
        case .ws: try await WebSocketClient(self).send(message)
        case .mqtt: try await MQTTClient(self).send(message)
        }
    }

    /// Receives messages until `received` says that it was the last.
    ///
    /// - Parameter standing: is called when the subscription stands.
    package func watch(
        _ filter: SubtopicFilter,
        standing: @Sendable () -> Void,
        received: @Sendable (ByteBuffer) throws -> Bool
    ) async throws {
        switch transport {
        case .http: throw ClientFailure(.usage, "Nothing can be received over HTTP: use ws or mqtt.")
        case .ws: try await WebSocketClient(self).watch(filter, standing: standing, received: received)
        case .mqtt: try await MQTTClient(self).watch(filter, standing: standing, received: received)
        }
    }
}
