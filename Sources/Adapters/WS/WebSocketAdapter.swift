package import AdapterTransport
package import Bootstrap
internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket
internal import TLSSupport

/// How much a WebSocket client may take.
package struct WSLimits: Sendable {
    package var maximumMessage: Int
    /// Most bytes that wait for one client.
    package var maximumQueue: Int
    /// Nanoseconds of silence before a ping; after twice that the connection is closed.
    package var pingInterval: UInt64
    /// Nanoseconds without a message after which the connection is closed; nil: it stays.
    package var idleTimeout: UInt64?

    package init(maximumMessage: Int, maximumQueue: Int, pingInterval: UInt64, idleTimeout: UInt64? = nil) {
        self.maximumMessage = maximumMessage
        self.maximumQueue = maximumQueue
        self.pingInterval = pingInterval
        self.idleTimeout = idleTimeout
    }
}

/// The WebSocket adapter: its part of every event loop, and the listener in front of them.
package struct WebSocketAdapter: Sendable {
    package let listener: Listener

    /// Listens. Throws ``ListenError``.
    package init(_ settings: WSAdapterSettings, loops: AdapterLoops) async throws {
        let limits = WSLimits(
            maximumMessage: settings.common.maximumMessage,
            maximumQueue: settings.common.maximumQueue,
            pingInterval: settings.pingInterval.nanoseconds,
            idleTimeout: settings.idleTimeout?.nanoseconds
        )
        // A handshake has no body.
        let handshake = HTTPLimits(maximumBody: 0, requestTimeout: settings.requestTimeout)
        let sockets = try await loops.add { WSComponent(loop: $0, limits: limits) }
        let handshakes = try await loops.add { HTTPComponent(loop: $0, limits: handshake) }
        self.listener = try await Listener(
            "ws-adapter",
            on: settings.address,
            tls: settings.tls,
            loops: loops,
            components: handshakes
        ) { channel, component, peer in
            guard let socket = sockets.current else { throw ChannelError.operationUnsupported }
            let endpoint = WSEndpoint(component: socket, peer: peer, version: Release.version)
            try channel.addHTTPHandlers(HTTPConnectionHandler(endpoint: endpoint, component: component))
        }
    }
}
