import Messaging
import Model
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import AdapterTransport

/// What arrived on a loop, for whoever waits for it.
private final class Mailbox: Sendable {
    private struct State {
        var texts: [String] = []
        var waiting: (count: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())

    func add(_ text: String) {
        let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.texts.append(text)
            guard let waiting = state.waiting, state.texts.count >= waiting.count else { return nil }
            state.waiting = nil
            return waiting.continuation
        }
        continuation?.resume()
    }

    /// The texts, once there are so many.
    func texts(atLeast count: Int) async -> [String] {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                guard state.texts.count < count else { return true }
                state.waiting = (count, continuation)
                return false
            }
            if isThere { continuation.resume() }
        }
        return state.withLock { $0.texts }
    }
}

/// Puts what happens on its loop into a mailbox.
private final class Listening: LoopComponent {
    private let messages: Mailbox
    private let sweeps: Mailbox

    init(messages: Mailbox, sweeps: Mailbox) {
        self.messages = messages
        self.sweeps = sweeps
    }

    func deliver(_ message: Message) { messages.add(String(buffer: message.payload)) }
    func turnEnded() {}
    func apply(_ event: AccessEvent, _ reason: AccessLoss) { messages.add("\(event)") }
    func sweep(at now: UInt64) { sweeps.add("") }
    func shutDown() { messages.add("bye") }
    var connectionCount: Int { 1 }
}

/// The loops as they run in the program: real threads, real hand-overs.
@Suite struct AdapterLoopsTests {
    private func withLoops(
        _ count: Int,
        _ rights: Rights,
        _ body: (AdapterLoops, [Mailbox], Mailbox) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        let resolver = AccessResolver(access: MemoryAccessControl(rights))
        let loops = try await AdapterLoops(
            group: group,
            epoch: 0,
            ages: .always(3_600_000_000_000),
            resolver: resolver
        )
        let boxes = (0..<count).map { _ in Mailbox() }
        let sweeps = Mailbox()
        _ = try await loops.add { Listening(messages: boxes[$0.index], sweeps: sweeps) }
        let service = Task { await resolver.run() }
        do {
            try await body(loops, boxes, sweeps)
        } catch {
            service.cancel()
            try await group.shutdownGracefully()
            throw error
        }
        service.cancel()
        await service.value
        try await group.shutdownGracefully()
    }

    @Test func messagesCrossLoopsOnceAndInOrder() async throws {
        var rights = Rights()
        let (identity, key) = rights.addThing()
        let channel = ChannelID.random()
        rights.connect(identity, channel)
        let topic = try Topic(channel: channel)
        let (count, payload) = (6_000, String(repeating: "x", count: 2_000))
        try await withLoops(2, rights) { loops, boxes, _ in
            try await loops.forEach { loop in
                guard loop.index == 1 else { return }
                loop.interest.add(channel)
            }
            try await loops.forEach { loop in
                guard loop.index == 0 else { return }
                loop.access.admit(key, to: channel, clock: { loop.now }) { answer in
                    guard case .granted(let admission) = answer else { return }
                    PacedPublisher(loop, admission.grant, topic, payload, count: count).run()
                }
            }
            let expected = (0..<count).map { "\($0) \(payload)" }
            #expect(await boxes[1].texts(atLeast: count) == expected)
            #expect(await boxes[0].texts(atLeast: count) == expected)
        }
    }

    @Test func anEventReachesEveryLoopBeforeItIsReported() async throws {
        try await withLoops(3, Rights()) { loops, boxes, _ in
            let events = [AccessEvent.thingRemoved(.random()), .channelRemoved(.random())]
            try await loops.apply(events)
            for box in boxes { #expect(await box.texts(atLeast: 0) == events.map { "\($0)" }) }
        }
    }

    @Test func whoDoesNotAnswerAGoodbyeIsStillSweptAway() async throws {
        try await withLoops(1, Rights()) { loops, boxes, sweeps in
            try await loops.shutDown()
            #expect(await boxes[0].texts(atLeast: 1) == ["bye"])
            let before = await sweeps.texts(atLeast: 0).count
            #expect(await sweeps.texts(atLeast: before + 1).count > before)
        }
    }

    @Test func connectionsOfAllLoopsAreCounted() async throws {
        try await withLoops(3, Rights()) { loops, _, _ in
            let count = try await loops.connectionCount()
            #expect(count == 3)
        }
    }
}

/// Publishes numbered messages as a connection does: not while another loop is behind. Confined to its loop.
private final class PacedPublisher {
    private let loop: AdapterLoop
    private let grant: ChannelGrant
    private let topic: Topic
    private let payload: String
    private let count: Int
    private var next = 0

    init(_ loop: AdapterLoop, _ grant: ChannelGrant, _ topic: Topic, _ payload: String, count: Int) {
        (self.loop, self.grant, self.topic, self.payload, self.count) = (loop, grant, topic, payload, count)
    }

    /// Publishes some, and goes on in the next turn.
    func run() {
        for _ in 0..<100 where next < count {
            let request = PublishRequest(
                topic: topic,
                payload: ByteBuffer(string: "\(next) \(payload)"),
                source: .mqtt,
                qos: 1
            )
            guard loop.publish(request, by: grant, at: loop.now) == .published else { return }
            next += 1
        }
        guard next < count else { return }
        if loop.isCongested {
            loop.whenUncongested { self.run() }
        } else {
            loop.eventLoop.assumeIsolatedUnsafeUnchecked().execute { self.run() }
        }
    }
}
