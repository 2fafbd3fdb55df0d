internal import Model
internal import NIOCore
internal import Synchronization

/// What was asked over a connection and waits for its answer: each question has a number that its answer's subject ends with, so no thread waits.
final class NATSRequests: Sendable {
    typealias Answer = Result<ByteBuffer, NATSError>

    private struct Question: Sendable {
        let deadline: ContinuousClock.Instant
        let then: @Sendable (Answer) -> Void
    }

    private struct State {
        var questions: [UInt64: Question] = [:]
        var last: UInt64 = 0
        /// Whether a task looks after those that aren't answered.
        var isWatched = false
    }

    private static let pace = Duration.milliseconds(100)

    private let inbox = "_INBOX.\(UniqueID.random())"
    private let state = Mutex(State())

    /// Where the answers come.
    var subject: String { inbox + ".*" }

    /// Answers what the question's answer is to be sent to.
    func begin(timeout: Duration, then: @escaping @Sendable (Answer) -> Void) -> (number: UInt64, reply: String) {
        let (number, isWatched) = state.withLock { state in
            state.last &+= 1
            state.questions[state.last] = Question(deadline: .now + timeout, then: then)
            defer { state.isWatched = true }
            return (state.last, state.isWatched)
        }
        if !isWatched { Task { await self.watch() } }
        return (number, "\(inbox).\(number)")
    }

    func answered(_ message: NATSMessage) {
        guard let number = message.subject.split(separator: ".").last.flatMap({ UInt64($0) }) else { return }
        // Nobody listens there.
        end(number, message.header("Status") == "503" ? .failure(.noResponders) : .success(message.payload))
    }

    func end(_ number: UInt64, _ answer: Answer) {
        state.withLock { $0.questions.removeValue(forKey: number) }?.then(answer)
    }

    /// Whether anybody still waits for the answer.
    func isWaiting(_ number: UInt64) -> Bool { state.withLock { $0.questions[number] != nil } }

    func failAll() { expire(.disconnected) { _ in true } }

    private func watch() async {
        repeat {
            try? await Task.sleep(for: Self.pace)
            let now = ContinuousClock.now
            expire(.timeout) { $0.deadline < now }
        } while state.withLock { state in
            state.isWatched = !state.questions.isEmpty
            return state.isWatched
        }
    }

    private func expire(_ error: NATSError, where isExpired: (Question) -> Bool) {
        let expired = state.withLock { state in
            let expired = state.questions.filter { isExpired($0.value) }
            for number in expired.keys { state.questions[number] = nil }
            return expired
        }
        for question in expired.values { question.then(.failure(error)) }
    }
}

/// Waits for an answer that another thread gives.
///
/// - Parameter ask: gives it to the closure, once.
func answer<Answer: Sendable>(_ ask: (@escaping @Sendable (Answer) -> Void) -> Void) async -> Answer? {
    // Handed over under a lock: how a continuation hands it over Thread Sanitizer can't see.
    let box = AnswerBox<Answer>()
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
        ask { answer in
            box.answer.withLock { $0 = answer }
            continuation.resume()
        }
    }
    return box.answer.withLock { $0 }
}

private final class AnswerBox<Answer: Sendable>: Sendable {
    let answer = Mutex<Answer?>(nil)
}
