internal import Synchronization

/// Whether the program can serve, and if not, what is missing.
package final class Readiness: Sendable {
    private struct State {
        var missing: Set<String>
        var dependencies: [(name: String, outage: @Sendable () -> String?)] = []
    }

    private let state: Mutex<State>

    /// - Parameter parts: what has to report before the program is ready.
    package init(waitingFor parts: Set<String>) {
        state = Mutex(State(missing: parts))
    }

    package func isUp(_ part: String) {
        state.withLock { _ = $0.missing.remove(part) }
    }

    /// What the program can't do without comes and goes.
    ///
    /// - Parameter outage: asked whenever somebody wants to know; nil while the dependency can be used, else why it can't.
    package func needs(_ name: String, outage: @escaping @Sendable () -> String?) {
        state.withLock { $0.dependencies.append((name, outage)) }
    }

    /// What is missing, in order of name, with the reason; empty if the program is ready.
    package var down: [(name: String, reason: String)] {
        let (missing, dependencies) = state.withLock { ($0.missing, $0.dependencies) }
        let outages = dependencies.compactMap { dependency in
            dependency.outage().map { (name: dependency.name, reason: $0) }
        }
        return (missing.map { ($0, "not listening yet") } + outages).sorted { $0.name < $1.name }
    }
}
