internal import GRPCCore
internal import InternalAPI
internal import Messaging
internal import RPCSupport
internal import Synchronization

/// The batches of one adapter, over one stream of `fluxgate.v1.Access` that is opened again whenever it ends.
final class AccessStream: Sendable {
    enum Outcome: Sendable {
        case answers([Fluxgate_V1_Answer])
        /// Nobody can tell at the moment.
        case unavailable
        /// The service doesn't know such streams.
        case unsupported
    }

    private enum Phase {
        /// Batches wait until the next attempt succeeds, or fails.
        case connecting
        case open(AsyncStream<Fluxgate_V1_Questions>.Continuation)
        case unsupported
        /// Nobody opens it any more.
        case ended
    }

    private struct Waiting {
        let continuation: CheckedContinuation<Outcome, Never>
        let questions: Fluxgate_V1_Questions
        let deadline: ContinuousClock.Instant
    }

    private struct State {
        var phase = Phase.connecting
        var waiting: [UInt64: Waiting] = [:]
        var lastID: UInt64 = 0
    }

    /// How long a service that doesn't know such streams isn't asked for one.
    private static let unsupportedPause = Duration.seconds(10)

    private let rpc: RPCClient
    private let state = Mutex(State())

    init(_ rpc: RPCClient) { self.rpc = rpc }

    func ask(_ questions: [Fluxgate_V1_Question]) async -> Outcome {
        await withCheckedContinuation { continuation in
            let outcome = state.withLock { state -> Outcome? in
                if case .ended = state.phase { return .unavailable }
                if case .unsupported = state.phase { return .unsupported }
                state.lastID &+= 1
                var batch = Fluxgate_V1_Questions()
                (batch.id, batch.questions) = (state.lastID, questions)
                state.waiting[batch.id] = Waiting(
                    continuation: continuation,
                    questions: batch,
                    deadline: .now + rpc.timeout
                )
                if case .open(let input) = state.phase { input.yield(batch) }
                return nil
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }

    /// Keeps the stream open until the task is canceled.
    func run() async {
        while !Task.isCancelled {
            state.withLock { $0.phase = .connecting }
            let isUnsupported = await session()
            end(isUnsupported ? .unsupported : .connecting)
            // The connection under it has a back-off of its own.
            try? await Task.sleep(for: isUnsupported ? Self.unsupportedPause : .milliseconds(.random(in: 100...200)))
        }
        end(.ended)
    }

    /// Lasts as long as one stream does, and no longer than all its batches are answered in time. Answers whether the service
    /// doesn't know such streams.
    private func session() async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await self.exchange()
                } catch let error as RPCError where error.code == .unimplemented {
                    return true
                } catch {}
                return false
            }
            group.addTask {
                await self.watch()
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }

    private func exchange() async throws {
        let (outgoing, input) = AsyncStream.makeStream(of: Fluxgate_V1_Questions.self)
        let request = StreamingClientRequest<Fluxgate_V1_Questions> { writer in
            self.opened(input)
            for await questions in outgoing { try await writer.write(questions) }
        }
        try await Fluxgate_V1_Access.Client(wrapping: rpc.client).check(request: request) { response in
            for try await answers in response.messages { self.answered(answers) }
        }
    }

    private func opened(_ input: AsyncStream<Fluxgate_V1_Questions>.Continuation) {
        state.withLock { state in
            state.phase = .open(input)
            for waiting in state.waiting.values { input.yield(waiting.questions) }
        }
    }

    private func answered(_ answers: Fluxgate_V1_Answers) {
        let waiting = state.withLock { $0.waiting.removeValue(forKey: answers.id) }
        guard let waiting else { return }
        let isWhole = answers.answers.count == waiting.questions.questions.count
        waiting.continuation.resume(returning: isWhole ? .answers(answers.answers) : .unavailable)
    }

    /// Returns when a batch has waited too long: another connection may do better.
    private func watch() async {
        while (try? await Task.sleep(for: .milliseconds(100))) != nil {
            let now = ContinuousClock.now
            if state.withLock({ state in state.waiting.values.contains { $0.deadline < now } }) { return }
        }
    }

    private func end(_ phase: Phase) {
        let waiting = state.withLock { state in
            if case .open(let input) = state.phase { input.finish() }
            state.phase = phase
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for each in waiting {
            if case .unsupported = phase {
                each.continuation.resume(returning: .unsupported)
            } else {
                each.continuation.resume(returning: .unavailable)
            }
        }
    }
}
