internal import DequeModule
package import Messaging
internal import Model
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// Asks ``AccessControl`` what the loops' tables don't know: what waits goes in one batch, and some batches are under way at a
/// time.
///
/// A connection that waits for an answer doesn't read, so no more questions wait than there are connections; those that were
/// given up are passed over.
package final class AccessResolver: Service {
    /// Most batches being answered at a time.
    private static let concurrency = 8
    /// Most questions of a batch.
    private static let portion = 512

    /// A question that has waited longer isn't asked any more: nobody waits for the answer.
    private static let longestWait = Duration.nanoseconds(AdapterLoop.longestQuestion)

    private struct Item: Sendable {
        let question: AccessQuestion
        let loop: Int
        let asked = ContinuousClock.now
    }

    private let access: any AccessControl
    private let waiting = Mutex<Deque<Item>>([])
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation
    private let loops = Mutex<[NIOLoopBound<AdapterLoop>]>([])

    package init(access: any AccessControl) {
        self.access = access
        (self.wakeUps, self.wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func ask(_ question: AccessQuestion, for loop: Int) {
        waiting.withLock { $0.append(Item(question: question, loop: loop)) }
        wakeUp.yield()
    }

    func answer(to loops: [NIOLoopBound<AdapterLoop>]) {
        self.loops.withLock { $0 = loops }
    }

    package func run() async {
        let loops = loops.withLock { $0 }
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await _ in wakeUps.cancelOnGracefulShutdown() {
                while true {
                    if running >= Self.concurrency {
                        await group.next()
                        running -= 1
                    }
                    let batch = takeBatch()
                    guard !batch.isEmpty else { break }
                    running += 1
                    group.addTask { await self.answer(batch, loops) }
                }
            }
        }
    }

    private func takeBatch() -> [Item] {
        waiting.withLock { waiting in
            let batch = Array(waiting.prefix(Self.portion))
            waiting.removeFirst(batch.count)
            return batch
        }
    }

    private func answer(_ batch: [Item], _ loops: [NIOLoopBound<AdapterLoop>]) async {
        let now = ContinuousClock.now
        let batch = batch.filter { now - $0.asked < Self.longestWait }
        guard !batch.isEmpty else { return }
        let answers = await access.decide(batch.map(\.question.subject))
        for (loop, pairs) in Dictionary(grouping: zip(batch, answers), by: \.0.loop) {
            loops[loop].eventLoop.execute {
                let table = loops[loop].value.access
                for (item, answer) in pairs { table.answered(item.question, answer, at: loops[loop].value.now) }
            }
        }
    }
}

extension AccessTable {
    fileprivate func answered(
        _ question: AccessQuestion,
        _ answer: Result<ThingIdentity?, AccessUnavailable>,
        at now: UInt64
    ) {
        switch question.subject {
        case .key: answered(question, identity: answer, at: now)
        case .use: answered(question, allowed: answer.map { $0 != nil }, at: now)
        }
    }
}
