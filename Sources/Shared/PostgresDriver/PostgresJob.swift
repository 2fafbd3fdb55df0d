internal import Synchronization

/// What a caller wants done on a connection. It is answered once, whoever is first: the work, a deadline or a cancellation.
final class PostgresJob: Sendable {
    let deadline: ContinuousClock.Instant
    private let work: @Sendable (PostgresConnection) -> PostgresPool.Outcome
    private let refuse: @Sendable (any Error) -> Void
    /// Ends the statement that runs for it.
    private let cancellation = Mutex<PostgresCancellation?>(nil)
    let isCanceled = Atomic(false)

    /// - Parameters:
    ///   - deadline: until when it may wait for a connection.
    ///   - work: does it and answers the caller, unless the connection is stale.
    ///   - refuse: answers the caller that it wasn't done.
    init(
        deadline: ContinuousClock.Instant,
        work: @escaping @Sendable (PostgresConnection) -> PostgresPool.Outcome,
        refuse: @escaping @Sendable (any Error) -> Void
    ) {
        self.deadline = deadline
        self.work = work
        self.refuse = refuse
    }

    func run(on connection: PostgresConnection) -> PostgresPool.Outcome {
        cancellation.withLock { $0 = connection.makeCancellation() }
        defer { cancellation.withLock { $0 = nil } }
        guard !isCanceled.load(ordering: .acquiring) else {
            refuse(CancellationError())
            return .done
        }
        return work(connection)
    }

    func fail(_ error: any Error) { refuse(error) }

    /// Has the statement that runs for it ended by the server. Blocks until the server has been told: its connection takes no
    /// other job before, or that one would be ended.
    func endStatement() { cancellation.withLock { $0?() } }
}
