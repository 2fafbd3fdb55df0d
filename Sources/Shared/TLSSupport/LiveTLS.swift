internal import Logging
package import Metrics
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A listener's TLS as its files are now: they are read again when they change, and what could be read last is in use.
package final class LiveTLS: Sendable {
    /// What it is called in the log and in metrics.
    let name: String
    let files: ServerTLSFiles
    /// Nil: lists aren't looked at.
    package let revocation: RevocationSource?
    let minimumVersion: ServerTLS.Version
    private let applicationProtocols: [String]
    private let state: Mutex<State>
    /// Held while files are looked at; nobody else waits for it.
    private let looks: Mutex<Looks>

    private struct State {
        var snapshot: TLSSnapshot
        var lists = RevocationLists.none
        var generation = 0
        var onChange: [@Sendable () -> Void] = []
    }

    private struct Looks {
        /// The files as they were when they were read last, with success or not.
        var read: [FileMark?]
        /// As they were at the last look.
        var last: [FileMark?]
        var lists: [String: FileMark]
        /// What the lists' address said last.
        var downloaded: RevocationSource.Found = ([], [])
        var report: RevocationReport
    }

    init(
        _ name: String,
        _ files: ServerTLSFiles,
        _ revocation: RevocationSource?,
        _ minimumVersion: ServerTLS.Version,
        _ applicationProtocols: [String]
    ) throws(TLSFileError) {
        self.name = name
        self.files = files
        self.revocation = revocation
        self.minimumVersion = minimumVersion
        self.applicationProtocols = applicationProtocols
        // What changes between the two is seen at the first look.
        let (marks, listMarks) = (files.marks, revocation?.marks ?? [:])
        let snapshot = try TLSSnapshot(
            files,
            files.read(),
            minimumVersion: minimumVersion,
            applicationProtocols: applicationProtocols,
            judgesClients: revocation != nil
        )
        try revocation?.check()
        var lists = RevocationLists.none
        if let revocation, !revocation.isAddress {
            lists = lists.followed(by: revocation.read(), under: snapshot, at: time(nil))
        }
        let report = RevocationReport(name, logged: lists.problems(at: time(nil)))
        state = Mutex(State(snapshot: snapshot, lists: lists))
        looks = Mutex(Looks(read: marks, last: marks, lists: listMarks, report: report))
    }

    /// For one connection to use.
    var current: TLSSnapshot { state.withLock { $0.snapshot } }

    var lists: RevocationLists { state.withLock { $0.lists } }

    var now: (TLSSnapshot, RevocationLists) { state.withLock { ($0.snapshot, $0.lists) } }

    /// Another one after each change: what was found good before has to be judged again.
    var generation: Int { state.withLock { $0.generation } }

    var warnings: [String] {
        current.warnings
            + lists.problems(at: time(nil)).map(\.description).sorted()
    }

    /// Calls back whenever ``generation`` has become another.
    package func onChange(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onChange.append(body) } }

    // MARK: Files

    /// Reads the files again if they have changed. It blocks: not for event loops.
    ///
    /// A file that somebody is still writing may look whole: what has changed is read when it has stood still from one look
    /// to the next. Revocation lists are signed, so they are read at once.
    ///
    /// - Parameters:
    ///   - isAsked: whether an operator has asked for it; then they are read in any case.
    ///   - now: seconds since 1970.
    package func look(
        isAsked: Bool = false,
        at now: Int = time(nil),
        metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        looks.withLock { looks in
            let marks = files.marks
            let standsStill = marks == looks.last
            looks.last = marks
            var areOthersTrusted = false
            if isAsked || (standsStill && marks != looks.read) {
                looks.read = marks
                areOthersTrusted = read(metrics)
            }
            guard let revocation else { return }
            if revocation.isAddress {
                if areOthersTrusted { use(looks.downloaded, at: now) }
            } else {
                let listMarks = revocation.marks
                if isAsked || areOthersTrusted || listMarks != looks.lists {
                    looks.lists = listMarks
                    use(revocation.read(), at: now)
                }
            }
            looks.report.tell(lists, isAsked: isAsked, at: now, metrics)
        }
    }

    /// The address of the lists has answered, or it hasn't: then what it said before is still in use.
    package func downloaded(
        _ bytes: [UInt8]?,
        at now: Int = time(nil),
        metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        guard let revocation else { return }
        looks.withLock { looks in
            if let bytes {
                looks.downloaded = RevocationSource.read(bytes, from: revocation.name)
            } else {
                looks.downloaded.problems = [.init(reason: .unreachable, place: revocation.name)]
            }
            use(looks.downloaded, at: now)
            looks.report.tell(lists, isAsked: false, at: now, metrics)
        }
    }

    private func use(_ found: RevocationSource.Found, at now: Int) {
        let (snapshot, before) = self.now
        let lists = before.followed(by: found, under: snapshot, at: now)
        change { $0.lists = lists }
    }

    private func change(_ body: (inout State) -> Void) {
        let callbacks = state.withLock { state in
            body(&state)
            state.generation += 1
            return state.onChange
        }
        for callback in callbacks { callback() }
    }

    /// Whether there is something new.
    private func read(_ metrics: any MetricsFactory) -> Bool {
        let logger = Logger(label: name)
        let before = current
        do throws(TLSFileError) {
            let contents = try files.read()
            guard contents.digest != before.digest else { return false }
            let snapshot = try TLSSnapshot(
                files,
                contents,
                minimumVersion: minimumVersion,
                applicationProtocols: applicationProtocols,
                judgesClients: revocation != nil
            )
            change { $0.snapshot = snapshot }
            logger.notice("TLS files read again", metadata: ["certificate": "\(files.certificate)"])
            for warning in snapshot.warnings where !before.warnings.contains(warning) {
                logger.warning("configuration", metadata: ["problem": "\(warning)"])
            }
            count("reloaded", metrics)
            return true
        } catch {
            logger.warning(
                "TLS files can't be used; those before stay in use",
                metadata: ["problem": "\(error)"]
            )
            count("failed", metrics)
            return false
        }
    }

    private func count(_ result: String, _ metrics: any MetricsFactory) {
        Counter(label: "fluxgate_tls_reload_total", dimensions: [("result", result)], factory: metrics).increment()
    }
}

extension RevocationLists {
    fileprivate func followed(
        by found: RevocationSource.Found,
        under snapshot: TLSSnapshot,
        at now: Int
    ) -> RevocationLists {
        RevocationLists(
            found.lists,
            problems: found.problems,
            authorities: snapshot.signers,
            before: self,
            at: now
        )
    }
}

/// Everything of a process that is read again when it changes. Filled while the configuration is read.
package final class LiveFiles: Sendable {
    private let entries = Mutex<[LiveTLS]>([])

    package init() {}

    package func add(_ tls: ServerTLS) { entries.withLock { $0.append(tls.live) } }

    package var all: [LiveTLS] { entries.withLock { $0 } }
}
