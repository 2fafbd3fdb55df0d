package import AdapterTransport
internal import NIOCore
internal import NIOHTTP1

/// The HTTP adapter: an endpoint on every event loop, and the listener in front of them.
package struct HTTPPublishAdapter: Sendable {
    package let listener: Listener

    package init(on address: ListenAddress, loops: AdapterLoops, limits: HTTPLimits, version: String) async throws {
        let components = try await loops.add { HTTPComponent(loop: $0, limits: limits) }
        self.listener = try await Listener("http-adapter", on: address, group: loops.group, components: components) {
            channel,
            component in
            let endpoint = PublishEndpoint(loop: component.loop, version: version)
            try channel.addHTTPHandlers(HTTPConnectionHandler(endpoint: endpoint, component: component))
        }
    }
}
