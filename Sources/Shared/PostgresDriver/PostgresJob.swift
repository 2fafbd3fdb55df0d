internal import Foundation
internal import SQL
internal import Synchronization

/// What a caller wants done on a connection. It is answered once, whoever is first: the work, a deadline or a cancellation.
final class PostgresJob: Sendable {
    private struct State {
        var isCanceled = false
        var cancellation: PostgresCancellation?
    }

    let deadline: Date
    private let work: @Sendable (PostgresConnection) -> PostgresPool.Outcome
    private let refuse: @Sendable (any Error) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - deadline: until when it may wait for a connection.
    ///   - work: does it and answers the caller, unless the connection is stale.
    ///   - refuse: answers the caller that it wasn't done.
    init(
        deadline: Date,
        work: @escaping @Sendable (PostgresConnection) -> PostgresPool.Outcome,
        refuse: @escaping @Sendable (any Error) -> Void
    ) {
        self.deadline = deadline
        self.work = work
        self.refuse = refuse
    }

    var isCanceled: Bool { state.withLock { $0.isCanceled } }

    func run(on connection: PostgresConnection) -> PostgresPool.Outcome {
        let cancellation = connection.makeCancellation()
        let isCanceled = state.withLock { state in
            state.cancellation = cancellation
            return state.isCanceled
        }
        defer { state.withLock { $0.cancellation = nil } }
        guard !isCanceled else {
            refuse(CancellationError())
            return .done
        }
        return work(connection)
    }

    func fail(_ error: any Error) { refuse(error) }

    /// Has the statement that runs for it ended by the server. Blocks until the server has been told: its connection takes no
    /// other job before, or that one would be ended.
    func cancel() {
        state.withLock { state in
            state.isCanceled = true
            state.cancellation?()
        }
    }
}
