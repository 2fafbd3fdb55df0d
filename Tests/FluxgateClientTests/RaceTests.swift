import FluxgateClient
import Testing

@Suite struct RaceTests {
    private struct Failure: Error {}

    @Test func whatIsDoneInTimeIsGivenBack() async throws {
        #expect(try await race(against: .seconds(3_600), stoppable: false) { 7 } == .finished(7))
    }

    @Test func anErrorIsPassedOn() async {
        await #expect(throws: Failure.self) { try await race(stoppable: false) { throw Failure() } }
    }

    @Test func whatTakesTooLongIsCanceled() async throws {
        let canceled = Recorder<Bool>()

        let end = try await race(against: .milliseconds(1), stoppable: false) {
            do {
                try await Task.sleep(for: .seconds(3_600))
            } catch {
                canceled.record(Task.isCancelled)
            }
        }

        guard case .timedOut = end else { return #expect(Bool(false), "\(end)") }
        #expect(canceled.all == [true])
    }

    @Test func aWatchFailsOnlyIfMessagesAreMissing() {
        #expect(MessagesWatchCommand.failure(.timedOut, received: 0, wanted: nil) == nil)
        #expect(MessagesWatchCommand.failure(.interrupted, received: 3, wanted: nil) == nil)
        #expect(MessagesWatchCommand.failure(.timedOut, received: 2, wanted: 2) == nil)
        #expect(MessagesWatchCommand.failure(.timedOut, received: 1, wanted: 2)?.status == .failure)
        #expect(MessagesWatchCommand.failure(.interrupted, received: 1, wanted: 2)?.status == .interrupted)
    }
}
