package import AdapterTransport
internal import NIOCore
internal import NIOHTTP1
package import TLSSupport

/// The MQTT adapter: its part of every event loop, and the listeners in front of them.
package struct MQTTBroker: Sendable {
    package let listeners: MQTTListeners<Listener>

    package init(
        on addresses: MQTTListeners<ListenAddress>,
        tls: ServerTLS?,
        loops: AdapterLoops,
        limits: MQTTLimits,
        handshake: HTTPLimits,
        version: String
    ) async throws {
        let registry = ClientRegistry()
        let components = try await loops.add { MQTTComponent(loop: $0, limits: limits, registry: registry) }
        let handshakes = try await loops.add { HTTPComponent(loop: $0, limits: handshake) }

        func listen(on address: ListenAddress, _ tls: ServerTLS?) async throws -> Listener {
            try await Listener("mqtt-adapter", on: address, tls: tls, group: loops.group, components: components) {
                channel,
                component,
                peer in
                try channel.pipeline.syncOperations.addHandler(MQTTConnection(component: component, peer: peer))
            }
        }
        var plain: Listener?
        var secure: Listener?
        if let address = addresses.plain { plain = try await listen(on: address, nil) }
        if let address = addresses.tls { secure = try await listen(on: address, tls) }
        let webSocket = try await Listener(
            "mqtt-adapter-ws",
            on: addresses.webSocket,
            tls: tls,
            group: loops.group,
            components: handshakes
        ) { channel, handshake, peer in
            guard let component = components.current else { throw ChannelError.operationUnsupported }
            let endpoint = MQTTWebSocketEndpoint(component: component, peer: peer, version: version)
            try channel.addHTTPHandlers(HTTPConnectionHandler(endpoint: endpoint, component: handshake))
        }
        listeners = MQTTListeners(plain: plain, tls: secure, webSocket: webSocket)
    }
}

/// One value for each way to speak MQTT.
package struct MQTTListeners<Value: Sendable>: Sendable {
    /// MQTT over plain TCP.
    package var plain: Value?
    package var tls: Value?
    /// Over TLS, if the adapter has it.
    package var webSocket: Value

    package init(plain: Value?, tls: Value?, webSocket: Value) {
        self.plain = plain
        self.tls = tls
        self.webSocket = webSocket
    }
}
