internal import AdapterServer
package import AdapterTransport
internal import AdaptersRemote
package import Bootstrap
internal import Logging
internal import Messaging
package import Model
package import NATSBus
package import Programs
internal import RPCSupport
internal import RemoteSettings
package import ServiceLifecycle

/// What an adapter that is a program of its own shares with its likes.
package protocol AdapterSessions: Sendable {
    /// What is kept for later subscribers; nil: nothing.
    var retained: RetainedStream? { get }

    /// Why it can't be used; nil if it can.
    var outage: String? { get }

    /// What looks after it, each until its task is canceled.
    var watches: [@Sendable () async -> Void] { get }

    /// Takes a right away from whoever isn't connected.
    func apply(_ event: AccessEvent)

    /// Called when all connections have ended.
    func close()
}

/// What an adapter that is a program of its own stands on: the things service over gRPC, and other adapters over NATS.
package struct AdapterBackend: Sendable {
    private let things: RPCSettings
    private let nats: NATSConfiguration
    private let ages: AccessAges
    private let storage: DurabilitySettings
    private let limits: LimitSettings

    /// - Parameter program: the adapter's name, as `http-adapter`.
    package init(_ variables: Variables, program: String) throws(ConfigurationError) {
        let prefix = ProgramSettings.prefix(of: program)
        things = try RPCSettings(variables, service: "THINGS", port: 8183, prefix: prefix)
        var nats = try NATSConfiguration(variables, name: program)
        // A message has some fields beside its payload; what MQTT 5 clients say of it has the most bytes, 64 KiB in their packets.
        nats.largestPayload = try AdapterSettings(variables).maximumMessage + 128 * 1_024
        storage = try DurabilitySettings(variables)
        limits = try LimitSettings(variables)
        self.nats = nats
        let leased = try variables.duration("MF_ACCESS_CACHE_MAX_AGE", default: "5m")
        let unleased = try variables.duration("MF_ACCESS_CACHE_TTL", default: "10s")
        ages = AccessAges(
            leased: UInt64(clamping: leased.nanoseconds),
            unleased: UInt64(clamping: unleased.nanoseconds)
        )
    }

    /// Lines of the start-up summary.
    package var facts: [(String, String)] {
        [("things", things.summary), ("bus", nats.summary)]
    }

    /// Makes the event loops, and has the adapter opened on them.
    ///
    /// - Parameters:
    ///   - makeSessions: makes what the adapter shares with its likes, on a connection of its own, with the log if messages are stored.
    ///   - listen: opens the adapter's listeners.
    /// - Returns: what has to run, in the order in which the parts depend on each other.
    package func services(
        _ host: ProgramHost,
        _ registry: MetricsRegistry,
        makeSessions: ((NATSConnection, StreamLog?) -> any AdapterSessions)? = nil,
        listen: (AdapterLoops) async throws -> [Listener]
    ) async throws -> [any Service] {
        let rpc = try RPCClient(things.target, trust: things.trust, pair: things.pair, timeout: things.timeout)
        let access = RemoteAccess(rpc)
        let messages = try NATSConnection(nats, sharesThread: true, logger: host.logger)
        let stream = storage.durability == .disk ? makeStream(on: messages, host.logger) : nil
        let resolver = AccessResolver(access: access)
        // Not behind the messages of busy channels, and not held up by who is behind.
        let own = try makeSessions.map { _ in try NATSConnection(nats, sharesThread: false, logger: host.logger) }
        let log = own.flatMap { own in
            stream.map { _ in StreamLog(own, makeStream(on: own, host.logger), logger: host.logger) }
        }
        let sessions = own.flatMap { makeSessions?($0, log) }
        let bus = NATSMessageBus(messages, stream: stream, retained: sessions?.retained, logger: host.logger)
        let loops = try await AdapterLoops(
            group: host.group,
            ages: ages,
            limits: limits,
            resolver: resolver,
            bus: bus,
            log: log,
            retained: sessions?.retained
        )
        loops.register(in: registry)
        // Not behind the messages of busy channels.
        let events = try NATSConnection(nats, sharesThread: false, logger: host.logger)
        // Events may have been missed: every decision is asked for again.
        events.observe(
            onChange: { isUp in if isUp { loops.distrustDecisions() } },
            onGap: { loops.distrustDecisions() }
        )
        _ = AccessEvents(events, loops: loops, ages: ages, logger: host.logger) { sessions?.apply($0) }
        host.start.readiness.needs("things") { rpc.outage }
        host.start.readiness.needs("nats") { messages.outage ?? events.outage ?? own?.outage }
        if let stream { host.start.readiness.needs("stream") { stream.outage } }
        if let sessions { host.start.readiness.needs("sessions") { sessions.outage } }
        for connection in [messages, events, own] { connection?.start() }
        let listeners = try await listen(loops)
        for listener in listeners { host.start.isListening(listener) }
        var watches: [@Sendable () async -> Void] = [access.run]
        if let stream { watches += [stream.watch, bus.watch] }
        if let log { watches.append(log.watch) }
        if let sessions { watches += sessions.watches }
        // After the adapters have said what they had to say.
        let closing = ClosingService {
            sessions?.close()
            bus.close()
            for connection in [messages, events, own] { connection?.close() }
        }
        let services: [any Service] = [rpc, closing] + watches.map { WatchService(watch: $0) }
        return services + [resolver, AdaptersService(listeners: listeners, loops: loops)]
    }

    private func makeStream(on connection: NATSConnection, _ logger: Logger) -> MessageStream {
        let limits = MessageStream.Limits(bytes: storage.maximumBytes, age: storage.maximumAge)
        return MessageStream(connection, name: storage.stream, limits: limits, logger: logger)
    }
}
