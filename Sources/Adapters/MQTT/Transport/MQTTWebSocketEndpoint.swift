internal import AdapterTransport
internal import AdaptersCore
internal import MQTTSession
internal import Messaging
internal import NIOCore
internal import NIOHTTP1

/// The handshake of MQTT over WebSocket: any path, subprotocol `mqtt` [MQTT-6.0.0-3], [MQTT-6.0.0-4].
final class MQTTWebSocketEndpoint: HTTPEndpoint {
    private let component: MQTTComponent
    private let version: String

    init(component: MQTTComponent, version: String) {
        self.component = component
        self.version = version
    }

    func refused(_ answer: HTTPAnswer) {
        if let reason = answer.refusal { countRefusal(reason, .mqtt) }
    }

    func refuse(_ head: HTTPRequestHead, _ facts: RequestFacts) -> HTTPAnswer? {
        if head.uri == "/version" {
            return head.method == .GET || head.method == .HEAD
                ? .version("mqtt-adapter", version) : .methodNotAllowed("GET, HEAD")
        }
        guard facts.wantsUpgrade else { return .unknownRoute }
        if let answer = WebSocketHandshake.refusal(head) { return answer }
        return subprotocol(head) == nil ? .badRequest("the subprotocol must be mqtt") : nil
    }

    func respond(
        to head: HTTPRequestHead,
        _ facts: RequestFacts,
        body: ByteBuffer,
        reply: any HTTPReply
    ) -> HTTPOutcome {
        let component = component
        return .upgrade(WebSocketHandshake.acceptance(head, subprotocol: subprotocol(head))) { channel in
            let largest = component.settings.maximumPacketSize
            try channel.addWebSocketHandlers(MQTTWebSocketBridge(maximumSize: largest), maximumFrame: largest)
            try channel.pipeline.syncOperations.addHandler(MQTTConnection(component: component))
        }
    }

    /// `mqttv3.1` is what clients of MQTT 3.1 ask for.
    private func subprotocol(_ head: HTTPRequestHead) -> String? {
        ["mqtt", "mqttv3.1"].first { WebSocketHandshake.offers($0, head) }
    }
}
