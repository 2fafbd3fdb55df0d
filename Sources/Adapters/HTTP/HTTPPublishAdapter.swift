package import AdapterTransport
internal import NIOCore
internal import NIOHTTP1
package import TLSSupport

/// The HTTP adapter: an endpoint on every event loop, and the listener in front of them.
package struct HTTPPublishAdapter: Sendable {
    package let listener: Listener

    package init(
        on address: ListenAddress,
        tls: ServerTLS?,
        loops: AdapterLoops,
        limits: HTTPLimits,
        version: String
    ) async throws {
        let components = try await loops.add { HTTPComponent(loop: $0, limits: limits) }
        self.listener = try await Listener(
            "http-adapter",
            on: address,
            tls: tls,
            group: loops.group,
            components: components
        ) { channel, component, peer in
            let endpoint = PublishEndpoint(loop: component.loop, peer: peer, version: version)
            try channel.addHTTPHandlers(HTTPConnectionHandler(endpoint: endpoint, component: component))
        }
    }
}
