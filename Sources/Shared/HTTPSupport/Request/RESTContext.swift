package import Hummingbird

/// What a request brings along beside itself.
package struct RESTContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    package let client: ClientAddress

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.client = ClientAddress(source.channel.remoteAddress)
    }
}
