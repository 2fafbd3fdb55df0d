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
    /// How long a start waits for revocation lists that come from elsewhere.
    private static let patience = Duration.seconds(5)

    private let files: [LiveTLS]

    /// Gets the lists that aren't on this machine, so that listeners know them when they open. One that doesn't come in time is
    /// told of in the log, and asked for again.
    init(_ files: LiveFiles) async {
        self.files = files.all
        await withTaskGroup { group in
            for (tls, source) in addresses {
                group.addTask { await RevocationDownload.fetch(tls, source, within: Self.patience) }
            }
        }
    }

    private var addresses: [(LiveTLS, RevocationSource)] {
        files.compactMap { tls in tls.revocation.flatMap { $0.isAddress ? (tls, $0) : nil } }
    }

    func run() async {
        await cancelWhenGracefulShutdown {
            await withTaskGroup { group in
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sighup) {
                        Logger(label: "reload").notice("SIGHUP: files are read again")
                        await look(isAsked: true)
                        for (tls, source) in addresses {
                            await RevocationDownload.fetch(tls, source, within: Self.patience)
                        }
                    }
                }
                group.addTask {
                    while !Task.isCancelled, !files.isEmpty {
                        try? await Task.sleep(for: Self.interval)
                        await look(isAsked: false)
                    }
                }
                for (tls, source) in addresses {
                    group.addTask { await RevocationDownload.run(tls, source) }
                }
            }
        }
    }

    private func look(isAsked: Bool) async {
        for tls in files { await Blocking.run { tls.look(isAsked: isAsked) } }
    }
}

/// Files may be on a network, or long: they are read on threads where others may wait.
enum Blocking {
    static func run(_ body: @escaping @Sendable () -> Void) async {
        try? await NIOThreadPool.singleton.runIfActive(body)
    }
}
