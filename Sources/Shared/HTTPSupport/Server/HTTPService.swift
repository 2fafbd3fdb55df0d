internal import Hummingbird
internal import HummingbirdCore
package import Logging
package import NIOCore
package import ServiceLifecycle
package import TLSSupport

/// A REST listener, ready to run in a service group.
///
/// - Parameters:
///   - tls: nil: connections are plain.
///   - onRunning: called with the port once the listener is bound; with port 0 that is the one it got.
package func makeHTTPService(
    responder: RESTResponder,
    host: String,
    port: Int,
    tls: TLSListener? = nil,
    limits: HTTPLimits = HTTPLimits(),
    eventLoopGroup: any EventLoopGroup,
    logger: Logger,
    onRunning: @escaping @Sendable (Int) async -> Void = { _ in }
) -> some Service {
    let metrics = responder.metrics
    return Application(
        responder: responder,
        server: HTTPServerBuilder { handler in
            GuardedHTTPChannel(responder: handler, tls: tls, limits: limits, onRefusal: { metrics.countRefusal($0) })
        },
        configuration: ApplicationConfiguration(
            address: .hostname(host, port: port),
            backlog: 1024,
            availableConnectionsDelegate: MaximumAvailableConnections(limits.connections)
        ),
        onServerRunning: { channel in await onRunning(channel.localAddress?.port ?? port) },
        eventLoopGroupProvider: .shared(eventLoopGroup),
        logger: logger
    )
}
