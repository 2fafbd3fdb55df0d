internal import Logging
package import Metrics
internal import Synchronization

/// A listener's TLS as its files are now: they are read again when they change, and what could be read last is in use.
package final class LiveTLS: Sendable {
    /// What it is called in the log.
    let name: String
    let files: ServerTLSFiles
    let minimumVersion: ServerTLS.Version
    private let state: Mutex<State>
    /// Held while files are looked at; nobody else waits for it.
    private let looks: Mutex<Looks>

    private struct State {
        var snapshot: TLSSnapshot
        var generation = 0
    }

    private struct Looks {
        /// The files as they were when they were read last, with success or not.
        var read: [FileMark?]
        /// As they were at the last look.
        var last: [FileMark?]
    }

    init(_ name: String, _ files: ServerTLSFiles, _ minimumVersion: ServerTLS.Version) throws(TLSFileError) {
        self.name = name
        self.files = files
        self.minimumVersion = minimumVersion
        // What changes between the two is seen at the first look.
        let marks = files.marks
        state = Mutex(State(snapshot: try TLSSnapshot(files, files.read(), minimumVersion: minimumVersion)))
        looks = Mutex(Looks(read: marks, last: marks))
    }

    /// For one connection to use.
    var current: TLSSnapshot { state.withLock { $0.snapshot } }

    /// Another one after each change: what was found good before has to be judged again.
    var generation: Int { state.withLock { $0.generation } }

    /// Reads the files again if they have changed. It blocks: not for event loops.
    ///
    /// A file that somebody is still writing may look whole: what has changed is read when it has stood still from one look
    /// to the next.
    ///
    /// - Parameter isAsked: whether an operator has asked for it; then they are read in any case.
    package func look(isAsked: Bool = false, metrics: any MetricsFactory = MetricsSystem.factory) {
        looks.withLock { looks in
            let marks = files.marks
            let standsStill = marks == looks.last
            looks.last = marks
            guard isAsked || (standsStill && marks != looks.read) else { return }
            looks.read = marks
            read(isAsked: isAsked, metrics)
        }
    }

    private func read(isAsked: Bool, _ metrics: any MetricsFactory) {
        let logger = Logger(label: name)
        let before = current
        do throws(TLSFileError) {
            let contents = try files.read()
            guard contents.digest != before.digest else { return }
            let snapshot = try TLSSnapshot(files, contents, minimumVersion: minimumVersion)
            state.withLock { state in
                state.snapshot = snapshot
                state.generation += 1
            }
            logger.notice("TLS files read again", metadata: ["certificate": "\(files.certificate)"])
            for warning in snapshot.warnings where !before.warnings.contains(warning) {
                logger.warning("configuration", metadata: ["problem": "\(warning)"])
            }
            count("reloaded", metrics)
        } catch {
            logger.warning(
                "TLS files can't be used; those before stay in use",
                metadata: ["problem": "\(error)"]
            )
            count("failed", metrics)
        }
    }

    private func count(_ result: String, _ metrics: any MetricsFactory) {
        Counter(label: "fluxgate_tls_reload_total", dimensions: [("result", result)], factory: metrics).increment()
    }
}

/// Everything of a process that is read again when it changes. Filled while the configuration is read.
package final class LiveFiles: Sendable {
    private let entries = Mutex<[LiveTLS]>([])

    package init() {}

    package func add(_ tls: ServerTLS) { entries.withLock { $0.append(tls.live) } }

    package var all: [LiveTLS] { entries.withLock { $0 } }
}
