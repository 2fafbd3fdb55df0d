package import Hummingbird
package import NIOCore

/// What a request brings along beside itself.
package struct RESTContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The other end of the connection: the client, or a proxy in front of it.
    package let remote: SocketAddress?

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.remote = source.channel.remoteAddress
    }
}
