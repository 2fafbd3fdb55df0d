package import Bootstrap
internal import Logging
package import Messaging
package import Model
package import NIOCore

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// All event loops of the process, and the way to the one that a connection lives on.
package struct AdapterLoops: Sendable {
    package let group: any EventLoopGroup
    private let loops: [NIOLoopBound<AdapterLoop>]
    let gate: ConnectionGate
    package let counters: [LoopCounters]

    /// Makes one ``AdapterLoop`` on each loop of the group.
    ///
    /// - Parameters:
    ///   - epoch: the wall clock's nanoseconds since 1970 when the loops' clock says 0.
    ///   - ages: how long an access decision may be used without asking again.
    ///   - resolver: answers what the loops don't know.
    ///   - limits: how much clients may have.
    ///   - bus: the way to other processes; nil if there are none.
    ///   - log: what sessions read that outlive their connections; nil: there are none.
    ///   - retained: what is kept for later subscribers; nil: nothing.
    package init(
        group: any EventLoopGroup,
        epoch: UInt64,
        ages: AccessAges,
        limits: LimitSettings = LimitSettings(),
        resolver: AccessResolver,
        bus: (any MessageBus)? = nil,
        log: (any MessageLog)? = nil,
        retained: (any RetainedMessages)? = nil
    ) async throws {
        let eventLoops = Array(group.makeIterator())
        let links = LoopLinks(count: eventLoops.count, bus: bus, retained: retained)
        let loopLimits = LoopLimits(limits)
        let counters = eventLoops.map { _ in LoopCounters() }
        var loops: [NIOLoopBound<AdapterLoop>] = []
        for (index, eventLoop) in eventLoops.enumerated() {
            loops.append(
                try await eventLoop.submit {
                    let loop = AdapterLoop(
                        index: index,
                        eventLoop: eventLoop,
                        links: links,
                        limits: loopLimits,
                        counters: counters[index],
                        epoch: epoch,
                        ages: ages,
                        ask: { resolver.ask($0, for: index) }
                    )
                    return NIOLoopBound(loop, eventLoop: eventLoop)
                }.get()
            )
        }
        links.connect(loops)
        bus?.start(links)
        log?.follow(LogTail(to: loops, interest: links.logInterest))
        self.group = group
        self.loops = loops
        self.gate = ConnectionGate(limits)
        self.counters = counters
        for loop in loops {
            loop.eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(500), delay: .milliseconds(500)) { _ in
                loop.value.sweep()
            }
            loop.eventLoop.scheduleRepeatedTask(initialDelay: .milliseconds(100), delay: .milliseconds(100)) { _ in
                loop.value.access.renew(at: loop.value.now)
            }
        }
        resolver.answer(to: loops)
    }

    /// Puts a component on every loop.
    package func add<Component: LoopComponent & SendableMetatype>(
        _ make: @escaping @Sendable (AdapterLoop) -> Component
    ) async throws -> PerLoop<Component> {
        var components: [NIOLoopBound<Component>] = []
        for loop in loops {
            components.append(
                try await loop.eventLoop.submit {
                    let component = make(loop.value)
                    loop.value.add(component)
                    return NIOLoopBound(component, eventLoop: loop.eventLoop)
                }.get()
            )
        }
        return PerLoop(components: components)
    }

    /// Runs the body on every loop, and answers when all have.
    package func forEach(_ body: @escaping @Sendable (AdapterLoop) -> Void) async throws {
        for loop in loops { try await loop.eventLoop.submit { body(loop.value) }.get() }
    }

    /// Takes a right away on every loop: what is cached is dropped and what is live is ended.
    package func apply(_ events: [AccessEvent]) async throws {
        let pending = loops.map { loop in
            loop.eventLoop.submit { for event in events { loop.value.apply(event) } }
        }
        for loop in pending { try await loop.get() }
    }

    /// The same for a thread that isn't a loop's: returns when it has been done.
    package func applyAndWait(_ events: [AccessEvent]) {
        waitForEach { loop in for event in events { loop.apply(event) } }
    }

    /// Has every decision asked for again: it isn't known what rights were taken meanwhile. For threads that aren't a loop's.
    package func distrustDecisions() {
        waitForEach { $0.access.distrustAll(at: $0.now) }
    }

    /// Until now no right was taken unheard of, and for this long nothing else is to be feared.
    package func extendLeases(by time: Duration) {
        let time = UInt64(clamping: time.nanoseconds)
        for loop in loops {
            loop.eventLoop.execute { loop.value.access.extendLease(until: loop.value.now &+ time) }
        }
    }

    private func waitForEach(_ body: @escaping @Sendable (AdapterLoop) -> Void) {
        let pending = loops.map { loop in loop.eventLoop.submit { body(loop.value) } }
        // A loop that has ended has nothing live any more.
        for loop in pending { try? loop.wait() }
    }

    /// Says goodbye to every client. Who doesn't hear it is swept away a second later.
    package func shutDown() async throws {
        try await forEach { $0.shutDown() }
    }

    /// Connections that are still open.
    package func connectionCount() async throws -> Int {
        var total = 0
        for loop in loops { total += try await loop.eventLoop.submit { loop.value.connectionCount }.get() }
        return total
    }
}

/// A component of every loop.
package struct PerLoop<Component: LoopComponent>: Sendable {
    fileprivate let components: [NIOLoopBound<Component>]

    /// The component of the event loop that this code runs on. Nil on any other thread.
    package var current: Component? {
        components.first { $0.eventLoop.inEventLoop }?.value
    }
}

extension AdapterLoops {
    /// Makes the loops by the system's clock.
    package init(
        group: any EventLoopGroup,
        ages: AccessAges,
        limits: LimitSettings,
        resolver: AccessResolver,
        bus: (any MessageBus)? = nil,
        log: (any MessageLog)? = nil,
        retained: (any RetainedMessages)? = nil
    ) async throws {
        let wall = Date.now.timeIntervalSince1970 * 1e9
        let epoch = UInt64(max(0, wall)) - min(UInt64(max(0, wall)), NIODeadline.now().uptimeNanoseconds)
        try await self.init(
            group: group,
            epoch: epoch,
            ages: ages,
            limits: limits,
            resolver: resolver,
            bus: bus,
            log: log,
            retained: retained
        )
    }
}
