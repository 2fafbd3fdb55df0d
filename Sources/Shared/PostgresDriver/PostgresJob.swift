internal import SQL
internal import Synchronization

/// What a caller wants done on a connection. It is answered once, whoever is first: the work, a deadline or a
/// cancellation.
final class PostgresJob: Sendable {
    /// Where the job's statements run.
    private enum Place {
        case nowhere
        case backend(PostgresBackend)
        /// Somebody asked the server to end a statement and doesn't know whether it will: it could be another's by
        /// then.
        case uncertain
    }

    let deadline: ContinuousClock.Instant
    private let work: @Sendable (PostgresConnection) -> PostgresPool.Outcome
    private let refuse: @Sendable (any Error) -> Void
    private let place = Mutex(Place.nowhere)
    private let canceled = Atomic(false)

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

    var isCanceled: Bool { canceled.load(ordering: .acquiring) }

    /// Whether it is the first time that it is canceled.
    func cancel() -> Bool { !canceled.exchange(true, ordering: .acquiringAndReleasing) }

    func run(on connection: PostgresConnection) -> PostgresPool.Outcome {
        place.withLock { $0 = connection.backend.map { .backend($0) } ?? .nowhere }
        connection.isCanceled = { self.isCanceled }
        defer {
            connection.isCanceled = { false }
            place.withLock { place in
                if case .uncertain = place { connection.isOutdated = true }
                place = .nowhere
            }
        }
        guard !isCanceled else {
            refuse(CancellationError())
            return .done
        }
        return work(connection)
    }

    func fail(_ error: any Error) { refuse(error) }

    /// Has the statement that runs for it ended, if one does. Blocks until the server has been told: its connection
    /// takes no other job before, or that one would be ended.
    ///
    /// - Parameter connection: over which to tell the server that the backend belongs to; nil: it can't be told.
    /// - Returns: whether to look again. The server does nothing if it is told before it has read the statement.
    func endStatement(_ connection: (PostgresBackend) -> PostgresConnection?) -> Bool {
        place.withLock { place in
            guard case .backend(let backend) = place, let connection = connection(backend) else { return false }
            do throws(SQLError) {
                try backend.endStatement(over: connection)
                return true
            } catch {
                place = .uncertain
                return false
            }
        }
    }
}
