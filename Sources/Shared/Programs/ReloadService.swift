internal import Logging
internal import NIOPosix
internal import ServiceLifecycle
internal import TLSSupport
internal import UnixSignals

/// Looks whether files have changed that listeners are made of, again and again and whenever SIGHUP asks for it.
///
/// The signal is taken also where there is nothing to read, so that it never ends a program.
struct ReloadService: Service {
    /// Short, since a certificate that has become revoked may live for a second at most.
    private static let interval = Duration.milliseconds(200)

    private let files: LiveFiles

    init(_ files: LiveFiles) { self.files = files }

    func run() async {
        await cancelWhenGracefulShutdown {
            await withTaskGroup { group in
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sighup) {
                        Logger(label: "reload").notice("SIGHUP: files are read again")
                        await look(isAsked: true)
                    }
                }
                group.addTask {
                    while !Task.isCancelled, !files.all.isEmpty {
                        try? await Task.sleep(for: Self.interval)
                        await look(isAsked: false)
                    }
                }
            }
        }
    }

    /// Files may be on a network, or long: on threads where others may wait.
    private func look(isAsked: Bool) async {
        for tls in files.all {
            try? await NIOThreadPool.singleton.runIfActive { tls.look(isAsked: isAsked) }
        }
    }
}
