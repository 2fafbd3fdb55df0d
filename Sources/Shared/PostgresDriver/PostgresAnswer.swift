internal import Synchronization

/// The answer to one caller: the first that is given counts.
final class PostgresAnswer<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Value, any Error>)
        case given
    }

    private let state = Mutex(State.open)

    /// Waits for the answer.
    ///
    /// - Parameter ask: called when it can be given.
    func value(_ ask: () -> Void) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            state.withLock { $0 = .awaited(continuation) }
            ask()
        }
    }

    func give(_ result: Result<Value, any Error>) {
        let continuation = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            guard case .awaited(let continuation) = state else { return nil }
            state = .given
            return continuation
        }
        continuation?.resume(with: result)
    }
}
