internal import ServiceLifecycle

/// Something that looks again and again, until the program ends.
package struct WatchService: Service {
    private let watch: @Sendable () async -> Void

    package init(watch: @escaping @Sendable () async -> Void) { self.watch = watch }

    package func run() async {
        await cancelWhenGracefulShutdown { await watch() }
    }
}
