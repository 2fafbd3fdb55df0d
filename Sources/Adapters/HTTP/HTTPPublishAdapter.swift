package import AdapterTransport
package import Bootstrap
internal import NIOCore
internal import NIOHTTP1
internal import TLSSupport

/// The HTTP adapter: an endpoint on every event loop, and the listener in front of them.
package struct HTTPPublishAdapter: Sendable {
    package let listener: Listener

    /// Listens. Throws ``ListenError``.
    package init(_ settings: HTTPAdapterSettings, loops: AdapterLoops) async throws {
        let limits = HTTPLimits(
            maximumBody: settings.common.maximumMessage,
            requestTimeout: settings.requestTimeout,
            idleTimeout: settings.idleTimeout
        )
        let components = try await loops.add { HTTPComponent(loop: $0, limits: limits) }
        self.listener = try await Listener(
            "http-adapter",
            on: settings.address,
            tls: settings.tls,
            loops: loops,
            components: components
        ) { channel, component, peer in
            let endpoint = PublishEndpoint(loop: component.loop, peer: peer, version: Release.version)
            try channel.addHTTPHandlers(HTTPConnectionHandler(endpoint: endpoint, component: component))
        }
    }
}
