package import Bootstrap
internal import Synchronization
package import TLSSupport

/// Collects which listeners are open, and announces the program when all are.
package final class StartUp: Sendable {
    package let readiness: Readiness

    private let state: Mutex<(summary: StartUpSummary, waitingFor: Set<String>)>
    private let announce: @Sendable (String) -> Void

    init(_ summary: StartUpSummary, _ announce: @escaping @Sendable (String) -> Void) {
        let listeners = Set(summary.rows.map(\.name))
        self.readiness = Readiness(waitingFor: listeners)
        self.state = Mutex((summary, listeners))
        self.announce = announce
    }

    package func isListening(_ name: String, on address: ListenAddress, isSecure: Bool) {
        readiness.isUp(name)
        let text = state.withLock { state -> String? in
            state.summary.listeners[name] = .init(address: address, isSecure: isSecure)
            return state.waitingFor.remove(name) != nil && state.waitingFor.isEmpty ? state.summary.text : nil
        }
        if let text { announce(text) }
    }
}

/// What a person wants to know when a program has started.
package struct StartUpSummary: Sendable {
    package struct Row: Sendable {
        let title: String
        /// Without TLS.
        let scheme: String
        /// The listener's.
        let name: String

        package init(_ title: String, _ scheme: String, _ name: String) {
            (self.title, self.scheme, self.name) = (title, scheme, name)
        }

        /// Every program's.
        package static let ops = Row("health and metrics", "http", "ops")
    }

    struct OpenListener {
        let address: ListenAddress
        let isSecure: Bool
    }

    let title: String
    let rows: [Row]
    let facts: [(String, String)]
    let notes: [String]
    var listeners: [String: OpenListener] = [:]

    /// - Parameters:
    ///   - program: as in "Fluxgate things"
    ///   - rows: the listeners that will be opened.
    ///   - facts: what else is worth a line, with its title.
    package init(_ program: String, rows: [Row], facts: [(String, String)] = [], notes: [String] = []) {
        self.title = "\(program) \(Release.version) is running."
        self.rows = rows
        self.facts = facts
        self.notes = notes
    }

    var text: String {
        var lines = [title]
        var plain: [String] = []
        for row in rows {
            guard let listener = listeners[row.name] else { continue }
            lines.append(
                "  " + padded(row.title) + "\(row.scheme)\(listener.isSecure ? "s" : "")://\(listener.address)"
            )
            if !listener.isSecure { plain.append(row.title) }
        }
        for (title, text) in facts { lines.append("  " + padded(title) + text) }
        if let warning = warning(about: plain) { lines.append("  " + warning) }
        for note in notes { lines.append("  " + note) }
        return lines.joined(separator: "\n")
    }

    private func warning(about plain: [String]) -> String? {
        switch plain.count {
        case 0: nil
        case listeners.count: "All traffic is plain: keep it on this machine or on a network that you trust."
        default: "Not on TLS: \(plain.joined(separator: ", ")). Keep these on a network that you trust."
        }
    }

    private func padded(_ title: String) -> String {
        title + String(repeating: " ", count: max(1, 22 - title.count))
    }
}
