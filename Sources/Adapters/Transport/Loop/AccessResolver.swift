package import Messaging
internal import Model
internal import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// Asks ``AccessControl`` what the loops' tables don't know, a bounded number of questions at a time.
///
/// A connection that waits for an answer doesn't read, so no more questions wait than there are connections; those that were
/// given up are passed over.
package final class AccessResolver: Service {
    /// Most questions being answered at a time.
    private static let concurrency = 64

    /// A question that has waited longer isn't asked any more: nobody waits for the answer.
    private static let longestWait = Duration.nanoseconds(AdapterLoop.longestQuestion)

    private struct Item: Sendable {
        let question: AccessQuestion
        let loop: Int
        let asked = ContinuousClock.now
    }

    private let access: any AccessControl
    private let stream: AsyncStream<Item>
    private let input: AsyncStream<Item>.Continuation
    private let loops = Mutex<[NIOLoopBound<AdapterLoop>]>([])

    package init(access: any AccessControl) {
        self.access = access
        (self.stream, self.input) = AsyncStream.makeStream()
    }

    func ask(_ question: AccessQuestion, for loop: Int) {
        input.yield(Item(question: question, loop: loop))
    }

    func answer(to loops: [NIOLoopBound<AdapterLoop>]) {
        self.loops.withLock { $0 = loops }
    }

    package func run() async {
        let loops = loops.withLock { $0 }
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await item in stream.cancelOnGracefulShutdown() where .now - item.asked < Self.longestWait {
                if running >= Self.concurrency {
                    await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { await self.answer(item, loops[item.loop]) }
            }
        }
    }

    private func answer(_ item: Item, _ loop: NIOLoopBound<AdapterLoop>) async {
        let question = item.question
        switch question.subject {
        case .key(let key):
            let answer = await result { () async throws(AccessUnavailable) in try await access.identify(key) }
            loop.eventLoop.execute { loop.value.access.answered(question, identity: answer, at: loop.value.now) }
        case .use(let identity, let channel):
            let answer = await result { () async throws(AccessUnavailable) in
                try await access.canAccess(identity.thing, channel)
            }
            loop.eventLoop.execute { loop.value.access.answered(question, allowed: answer, at: loop.value.now) }
        }
    }

    private func result<Value>(
        _ ask: () async throws(AccessUnavailable) -> Value
    ) async -> Result<Value, AccessUnavailable> {
        do throws(AccessUnavailable) {
            return .success(try await ask())
        } catch {
            return .failure(error)
        }
    }
}
