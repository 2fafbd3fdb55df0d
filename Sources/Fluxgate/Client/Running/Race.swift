internal import UnixSignals

/// How an operation ended that had a time limit or could be interrupted.
package enum RaceEnd<Value: Sendable>: Sendable {
    case finished(Value)
    case timedOut
    case interrupted
}

extension RaceEnd: Equatable where Value: Equatable {}

/// Runs an operation until it is done, its time is over, or, if `stoppable`, Ctrl-C or SIGTERM comes; in the latter two
/// cases it is canceled, and waited for.
package func race<Value: Sendable>(
    against limit: Duration? = nil,
    stoppable: Bool = true,
    clock: any Clock<Duration> = ContinuousClock(),
    _ operation: @escaping @Sendable () async throws -> Value
) async throws -> RaceEnd<Value> {
    try await withThrowingTaskGroup(of: RaceEnd<Value>.self) { group in
        defer { group.cancelAll() }
        group.addTask { .finished(try await operation()) }
        if let limit {
            group.addTask {
                try await clock.sleep(for: limit)
                return .timedOut
            }
        }
        if stoppable {
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return .interrupted }
                throw CancellationError()
            }
        }
        guard let end = try await group.next() else { throw CancellationError() }
        return end
    }
}
