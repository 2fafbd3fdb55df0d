internal import Synchronization

/// Whether the program can serve, and if not, what is missing.
package final class Readiness: Sendable {
    private let missing: Mutex<Set<String>>

    /// - Parameter parts: what has to report before the program is ready.
    package init(waitingFor parts: Set<String>) {
        self.missing = Mutex(parts)
    }

    package func isUp(_ part: String) {
        missing.withLock { _ = $0.remove(part) }
    }

    package func isDown(_ part: String) {
        missing.withLock { _ = $0.insert(part) }
    }

    /// What is missing, in order of name; empty if the program is ready.
    package var down: [String] { missing.withLock { $0.sorted() } }
}
