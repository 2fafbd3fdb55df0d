package import AdapterTransport
package import Bootstrap
package import Messaging
internal import NIOCore
internal import NIOHTTP1
internal import TLSSupport

/// The MQTT adapter: its part of every event loop, and the listeners in front of them.
package struct MQTTBroker: Sendable {
    package let listeners: MQTTListeners

    /// Listens. Throws ``ListenError``.
    ///
    /// - Parameters:
    ///   - keeping: nil if sessions end with their connections.
    ///   - shared: nil if there are no shared subscriptions.
    ///   - registry: of these clients alone.
    ///   - openTopics: nil but for conformance suites.
    package init(
        _ settings: MQTTAdapterSettings,
        loops: AdapterLoops,
        keeping: SessionKeeping? = nil,
        shared: (any SharedMessages)? = nil,
        registry: ClientRegistry = ClientRegistry(),
        openTopics: OpenTopics? = nil
    ) async throws {
        var limits = MQTTLimits(
            maximumMessage: settings.common.maximumMessage,
            maximumQueue: settings.common.maximumQueue,
            maximumSubscriptions: settings.maximumSubscriptions,
            connectTimeout: .nanoseconds(Int64(clamping: settings.connectTimeout.nanoseconds)),
            idleTimeout: settings.idleTimeout?.nanoseconds
        )
        limits.maximumBacklog = (settings.maximumQueuedMessages, settings.maximumQueuedBytes)
        limits.receiveMaximum = UInt16(clamping: settings.receiveMaximum)
        limits.topicAliasMaximum = UInt16(clamping: settings.topicAliasMaximum)
        limits.maximumPacket = settings.maximumPacket
        limits.maximumKeepAlive = UInt16(clamping: settings.maximumKeepAlive?.components.seconds ?? 0)
        limits.openTopics = openTopics
        let sessionLimits = limits
        // A handshake has no body.
        let handshake = HTTPLimits(maximumBody: 0, requestTimeout: settings.connectTimeout)
        let components = try await loops.add {
            MQTTComponent(loop: $0, limits: sessionLimits, registry: registry, keeping: keeping, shared: shared)
        }
        let handshakes = try await loops.add { HTTPComponent(loop: $0, limits: handshake) }

        func listen(on address: ListenAddress, _ tls: ServerTLS?) async throws -> Listener {
            try await Listener("mqtt-adapter", on: address, tls: tls, loops: loops, components: components) {
                channel,
                component,
                peer in
                try channel.pipeline.syncOperations.addHandler(MQTTConnection(component: component, peer: peer))
            }
        }
        var plain: Listener?
        // A proxy passes certificates on in headers, which MQTT has only over WebSocket.
        var secure: Listener?
        if let address = settings.plain { plain = try await listen(on: address, nil) }
        if let address = settings.secure { secure = try await listen(on: address, settings.tls?.withoutProxies) }
        let webSocket = try await Listener(
            "mqtt-adapter-ws",
            on: settings.webSocket,
            tls: settings.tls,
            loops: loops,
            components: handshakes
        ) { channel, handshake, peer in
            guard let component = components.current else { throw ChannelError.operationUnsupported }
            let endpoint = MQTTWebSocketEndpoint(component: component, peer: peer, version: Release.version)
            try channel.addHTTPHandlers(HTTPConnectionHandler(endpoint: endpoint, component: handshake))
        }
        listeners = MQTTListeners(plain: plain, tls: secure, webSocket: webSocket)
    }
}

/// The ways to speak MQTT.
package struct MQTTListeners: Sendable {
    /// MQTT over plain TCP.
    package let plain: Listener?
    package let tls: Listener?
    /// Over TLS, if the adapter has it.
    package let webSocket: Listener

    package var all: [Listener] { [plain, tls, webSocket].compactMap(\.self) }
}
