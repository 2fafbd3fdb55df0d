internal import AdapterTransport
internal import AdaptersCore
internal import MQTTSession
internal import Messaging
internal import NIOCore
internal import NIOHTTP1

/// The handshake of MQTT over WebSocket: any path, subprotocol `mqtt` [MQTT-6.0.0-3], [MQTT-6.0.0-4].
final class MQTTWebSocketEndpoint: HTTPEndpoint {
    private let component: MQTTComponent
    let peer: ConnectionPeer
    private let version: String

    init(component: MQTTComponent, peer: ConnectionPeer, version: String) {
        self.component = component
        self.peer = peer
        self.version = version
    }

    func refused(_ answer: HTTPAnswer) {
        if let reason = answer.refusal { peer.refused(reason, .mqtt) }
    }

    func refuse(_ head: HTTPRequestHead, _ facts: RequestFacts, from sender: ConnectionPeer) -> HTTPAnswer? {
        if head.uri == "/version" {
            return head.method == .GET || head.method == .HEAD
                ? .version("mqtt-adapter", version) : .methodNotAllowed("GET, HEAD")
        }
        guard facts.wantsUpgrade else { return .unknownRoute }
        if let answer = WebSocketHandshake.refusal(head) { return answer }
        guard subprotocol(head) != nil else { return .badRequest("the subprotocol must be mqtt") }
        return refuseKey(head, facts, sender.certificate)
    }

    /// What the certificate itself is worth, CONNACK says; but a key that is shown beside it here must be the same.
    private func refuseKey(
        _ head: HTTPRequestHead,
        _ facts: RequestFacts,
        _ certificate: ClientCertificate
    ) -> HTTPAnswer? {
        guard case .key = certificate else { return nil }
        guard facts.authorizations <= 1, let query = HandshakeQuery(target: head.uri) else {
            return .badRequest("the credentials can't be read")
        }
        let shown = [Credentials.shown(facts.authorization)] + query.authorizations.map(Credentials.shown)
        guard case .failure(let reason) = certificate.key(besides: shown) else { return nil }
        return .refused(reason)
    }

    func respond(
        to head: HTTPRequestHead,
        _ facts: RequestFacts,
        from sender: ConnectionPeer,
        body: ByteBuffer,
        reply: any HTTPReply
    ) -> HTTPOutcome {
        let component = component
        return .upgrade(WebSocketHandshake.acceptance(head, subprotocol: subprotocol(head))) { channel in
            let largest = component.settings.maximumPacketSize
            try channel.addWebSocketHandlers(
                MQTTWebSocketBridge(maximumSize: largest, peer: sender),
                maximumFrame: largest
            )
            let connection = MQTTConnection(component: component, peer: sender, isFramed: true)
            try channel.pipeline.syncOperations.addHandler(connection)
        }
    }

    /// `mqttv3.1` is what clients of MQTT 3.1 ask for.
    private func subprotocol(_ head: HTTPRequestHead) -> String? {
        ["mqtt", "mqttv3.1"].first { WebSocketHandshake.offers($0, head) }
    }
}
