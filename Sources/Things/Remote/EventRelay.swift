package import Logging
internal import Messaging
internal import Metrics
internal import Model
package import NATSBus
package import NIOCore
internal import ServiceLifecycle
internal import Synchronization
package import ThingsCore

/// Tells the adapters, and whoever else reads the event log (contract section 5.4), what has changed: one JSON object an event
/// on `events.things`, each at least once, and a heartbeat a second that tells that there was nothing else.
///
/// Every copy of the service relays what any of them committed. An event names the one before it (`position`, `after`), so who
/// reads them all knows when one is missing.
package final class EventRelay: ThingsEventPublisher, Service {
    /// How long the bus may take to have what it is told.
    private static let flushTimeout = Duration.seconds(1)
    /// How old what a heartbeat says may be when it is sent.
    private static let longestRound = Duration.seconds(1)
    /// Between two heartbeats, unless they are late.
    private static let pause = Duration.milliseconds(500)

    private struct State {
        var waiting: [CheckedContinuation<Void, Never>] = []
        var isRunning = false
        var lastHeartbeat: ContinuousClock.Instant?
    }

    private let outbox: any EventOutbox
    private let connection: NATSConnection
    private let logger: Logger
    private let state = Mutex(State())
    private let pokes: AsyncStream<Void>
    private let poke: AsyncStream<Void>.Continuation

    /// - Parameter connection: whatever else it is used for, what it sends keeps its order.
    package init(_ outbox: any EventOutbox, _ connection: NATSConnection, logger: Logger) {
        self.outbox = outbox
        self.connection = connection
        self.logger = logger
        (pokes, poke) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Returns when what was committed has been told, or can't be for now: then it will be.
    package func publish(_ events: [ThingsEvent]) async {
        guard connection.link.isUp else { return }
        await withCheckedContinuation { continuation in
            let isWaiting = state.withLock { state in
                if state.isRunning { state.waiting.append(continuation) }
                return state.isRunning
            }
            if isWaiting { poke.yield() } else { continuation.resume() }
        }
    }

    /// Relays after every change made here, and once a second what other copies left behind.
    package func run() async {
        state.withLock { $0.isRunning = true }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while (try? await Task.sleep(for: .seconds(1))) != nil { self.poke.yield() }
            }
            for await _ in pokes.cancelOnGracefulShutdown() { await round() }
            group.cancelAll()
        }
        state.withLock { $0.isRunning = false }
        await round()
    }

    private func round() async {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        defer { for continuation in waiting { continuation.resume() } }
        guard connection.link.isUp else { return }
        do {
            while try await !outbox.relay(send) {}
        } catch {
            Counter(label: "fluxgate_events_delayed_total").increment()
            logger.warning("events not relayed yet", metadata: ["reason": "\(error)"])
        }
    }

    /// Blocks until the bus has the round's events, and the heartbeat behind them if it is time for one.
    private func send(_ round: OutboxRound) throws {
        for event in round.events {
            try connection.publish(event.payload, to: BusSubject.thingsEvents, headers: event.trace.headers)
        }
        if isHeartbeatDue(round) { try connection.publish(round.heartbeat, to: BusSubject.thingsEvents) }
        try connection.flush(timeout: Self.flushTimeout)
        if !round.events.isEmpty { Counter(label: "fluxgate_events_relayed_total").increment(by: round.events.count) }
    }

    private func isHeartbeatDue(_ round: OutboxRound) -> Bool {
        let now = ContinuousClock.now
        return state.withLock { state in
            guard round.isAll, now - round.began < Self.longestRound,
                state.lastHeartbeat.map({ now - $0 > Self.pause }) ?? true
            else { return false }
            state.lastHeartbeat = now
            return true
        }
    }
}

extension OutboxEvent {
    /// As it stands in the event log.
    package var payload: ByteBufferView {
        members.merging(["position": .integer(position), "after": .integer(after)]) { $1 }.payload
    }
}

extension OutboxRound {
    /// Tells that whatever was committed before it has been told, by the event of this position last.
    package var heartbeat: ByteBufferView {
        let members: JSONObject = [
            "source": "things", "operation": "heartbeat", "position": .integer(newest),
        ]
        return members.payload
    }
}

extension JSONObject {
    fileprivate var payload: ByteBufferView { ByteBuffer(string: JSONValue.object(self).text).readableBytesView }
}
