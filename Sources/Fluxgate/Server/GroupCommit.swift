internal import SQL
internal import ServiceLifecycle
internal import Synchronization

/// What is done in a transaction of many.
struct TransactionPart: Sendable {
    /// Answers what is done when it is committed.
    let body: @Sendable (any SQLSession) throws -> @Sendable () -> Void
    let failed: @Sendable () -> Void
}

/// What is to be written, together: what came while one transaction was committed goes into the next. However long a commit
/// takes, they are few.
final class GroupCommit<Work: Sendable>: Sendable {
    private let waiting = Mutex<(work: [Work], isEnded: Bool)>(([], false))
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    init() {
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// False after the end: then nobody writes it.
    func add(_ work: Work) -> Bool {
        let isTaken = waiting.withLock { waiting in
            if !waiting.isEnded { waiting.work.append(work) }
            return !waiting.isEnded
        }
        if isTaken { wakeUp.yield() }
        return isTaken
    }

    /// Has what comes written until the graceful shutdown, and then the rest.
    func run(_ write: ([Work]) async -> Void) async {
        for await _ in wakeUps.cancelOnGracefulShutdown() { await write(take()) }
        await write(take(isEnding: true))
    }

    private func take(isEnding: Bool = false) -> [Work] {
        waiting.withLock { waiting in
            waiting.isEnded = isEnding
            defer { waiting.work = [] }
            return waiting.work
        }
    }
}
