package import AdapterTransport
internal import NIOCore
internal import NIOHTTP1

/// The MQTT adapter: its part of every event loop, and the listeners in front of them.
package struct MQTTBroker: Sendable {
    package let listener: Listener
    package let webSocketListener: Listener

    package init(
        on address: ListenAddress,
        webSocket: ListenAddress,
        loops: AdapterLoops,
        limits: MQTTLimits,
        handshake: HTTPLimits,
        version: String
    ) async throws {
        let registry = ClientRegistry()
        let components = try await loops.add { MQTTComponent(loop: $0, limits: limits, registry: registry) }
        let handshakes = try await loops.add { HTTPComponent(loop: $0, limits: handshake) }
        self.listener = try await Listener("mqtt-adapter", on: address, group: loops.group, components: components) {
            channel,
            component in
            try channel.pipeline.syncOperations.addHandler(MQTTConnection(component: component))
        }
        self.webSocketListener = try await Listener(
            "mqtt-adapter over WebSocket",
            on: webSocket,
            group: loops.group,
            components: handshakes
        ) { channel, handshake in
            guard let component = components.current else { throw ChannelError.operationUnsupported }
            let endpoint = MQTTWebSocketEndpoint(component: component, version: version)
            try channel.addHTTPHandlers(HTTPConnectionHandler(endpoint: endpoint, component: handshake))
        }
    }
}
