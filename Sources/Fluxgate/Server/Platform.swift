internal import AdapterTransport
package import Bootstrap
internal import HTTPAdapter
internal import HTTPSupport
internal import Hummingbird
internal import Logging
internal import MQTTAdapter
internal import Model
internal import NIOCore
internal import NIOPosix
internal import SQLiteDriver
internal import ServiceLifecycle
internal import TLSSupport
internal import ThingsAPI
internal import ThingsCore
internal import ThingsStorage
internal import UnixSignals
internal import UsersAPI
internal import UsersCore
internal import UsersSecurity
internal import UsersStorage
internal import WSAdapter

/// The whole platform in one process: users, things and the three adapters, on SQLite and an in-process bus.
package struct Platform: Sendable {
    package static let version = "0.1.0"

    private let configuration: PlatformConfiguration
    private let registry: MetricsRegistry
    private let logger: Logger

    package init(_ configuration: PlatformConfiguration, registry: MetricsRegistry) {
        self.configuration = configuration
        self.registry = registry
        var logger = Logger(label: "fluxgate")
        logger.logLevel = configuration.logLevel.level
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT. Throws ``ConfigurationError`` or ``ListenError``.
    ///
    /// - Parameter announce: called with the start-up summary once everything listens.
    package func run(announce: @escaping @Sendable (String) -> Void) async throws {
        let folder = try DataFolder(path: configuration.dataFolder)
        let openFiles = FileLimit.raise()
        logger.debug("open files", metadata: ["limit": "\(openFiles)"])
        let group = MultiThreadedEventLoopGroup(numberOfThreads: configuration.eventLoops)
        do {
            try await serve(folder, group, announce)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        await settle(group)
        try await group.shutdownGracefully()
    }

    /// Lets what is on its way between the loops arrive: they end one after the other, and a connection that was accepted in
    /// the last moment goes from its listener's loop to its own and back.
    private func settle(_ group: MultiThreadedEventLoopGroup) async {
        for _ in 0..<3 {
            for loop in group.makeIterator() { try? await loop.submit {}.get() }
        }
    }

    private func serve(
        _ folder: DataFolder,
        _ group: MultiThreadedEventLoopGroup,
        _ announce: @escaping @Sendable (String) -> Void
    ) async throws {
        let events = InProcessEvents(logger: logger)
        let (users, things) = try await makeServices(folder, events)

        let resolver = AccessResolver(access: InProcessAccess(things: things))
        let loops = try await AdapterLoops(
            group: group,
            epoch: loopEpoch(),
            accessMaximumAge: .nanoseconds(Int64(clamping: configuration.accessMaximumAge.nanoseconds)),
            resolver: resolver
        )
        events.connect(loops)
        let samples = LoopSamples(counters: loops.counters)
        registry.addCollector { samples.samples() }
        let adapters = try await openAdapters(loops)

        let start = StartUp(StartUpSummary(configuration, folder: folder, adapters: adapters), announce)
        let ops = makeOpsResponder(readiness: start.readiness, registry: registry, version: Self.version)
        let usersAPI = makeUsersResponder(service: users, version: Self.version)
        let thingsAPI = makeThingsResponder(service: things, version: Self.version)
        let thingsAuth = makeThingsAuthResponder(service: things)
        try await run(
            // In the order in which they depend on each other; they end in the opposite one.
            [
                resolver,
                rest("ops", ops, configuration.ops, configuration.opsTLS, group, start),
                rest("users", usersAPI, configuration.usersHTTP, configuration.usersTLS, group, start),
                rest("things", thingsAPI, configuration.thingsHTTP, configuration.thingsTLS, group, start),
                rest("things-auth", thingsAuth, configuration.thingsAuthHTTP, configuration.thingsTLS, group, start),
                AdaptersService(listeners: adapters.all, loops: loops),
            ]
        )
    }

    private func run(_ services: [any Service]) async throws {
        var group = ServiceGroupConfiguration(
            services: services.map { .init(service: $0) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        group.maximumGracefulShutdownDuration = configuration.shutdownGrace
        do {
            try await ServiceGroup(configuration: group).run()
        } catch is CancellationError {
            logger.warning("shutdown grace is over", metadata: ["grace": "\(configuration.shutdownGrace)"])
        }
    }

    // MARK: Parts

    private func makeServices(
        _ folder: DataFolder,
        _ events: InProcessEvents
    ) async throws -> (UsersService, ThingsService) {
        let database = try SQLiteDatabase(path: folder.databasePath)
        try await database.migrate(UsersMigrations.all)
        let sealer = ThingKeySealer(
            secret: try configuration.thingsSecret ?? folder.secret("things"),
            olderSecrets: configuration.olderThingsSecrets
        )
        let thingsDatabase = ThingsDatabase(database, sealer: sealer)
        try await thingsDatabase.prepare()

        let resources = InProcessResources()
        let users = UsersService(
            accounts: SQLAccountRepository(database),
            passwords: ScryptHasher(threads: max(1, configuration.eventLoops / 2), waitingLimit: 64),
            tokens: await JWTIssuer(secret: try configuration.usersSecret ?? folder.secret("users")),
            owned: resources,
            limits: configuration.limitsOff ? nil : AttemptLimits(),
            passwordRule: PasswordRule(minimumLength: configuration.minimumPasswordLength),
            now: SystemTime.sinceEpoch
        )
        let things = ThingsService(
            repositories: thingsDatabase.repositories,
            users: InProcessUsers(users: users),
            events: events
        )
        resources.connect(things)
        return (users, things)
    }

    private func openAdapters(_ loops: AdapterLoops) async throws -> OpenAdapters {
        OpenAdapters(
            http: try await HTTPPublishAdapter(
                on: configuration.httpAdapter,
                tls: configuration.httpTLS,
                loops: loops,
                limits: configuration.httpLimits,
                version: Self.version
            ),
            ws: try await WebSocketAdapter(
                on: configuration.wsAdapter,
                tls: configuration.wsTLS,
                loops: loops,
                limits: configuration.wsLimits,
                handshake: configuration.handshakeLimits,
                version: Self.version
            ),
            mqtt: try await MQTTBroker(
                on: configuration.mqttAdapter,
                tls: configuration.mqttTLS,
                loops: loops,
                limits: configuration.mqttLimits,
                handshake: configuration.handshakeLimits,
                version: Self.version
            )
        )
    }

    private func rest(
        _ name: String,
        _ responder: RESTResponder,
        _ address: ListenAddress,
        _ tls: ServerTLS?,
        _ group: MultiThreadedEventLoopGroup,
        _ start: StartUp
    ) -> any Service {
        var logger = Logger(label: name)
        logger.logLevel = level(of: name)
        let service = makeHTTPService(
            responder: responder,
            host: address.host,
            port: address.port,
            tls: tls.map { TLSListener(name, $0) },
            eventLoopGroup: group,
            logger: logger,
            onRunning: { port in
                start.isListening(name, on: ListenAddress(host: address.host, port: port), isSecure: tls != nil)
            }
        )
        return ListeningService(name: name, address: address, base: service)
    }

    /// What a listener says of its start and end at `info` stands in the summary already.
    private func level(of service: String) -> Logger.Level {
        let level =
            switch service {
            case "users": configuration.usersLogLevel.level
            case "things", "things-auth": configuration.thingsLogLevel.level
            default: configuration.logLevel.level
            }
        return level == .info ? .notice : level
    }
}

/// The adapters once they listen.
struct OpenAdapters {
    let http: HTTPPublishAdapter
    let ws: WebSocketAdapter
    let mqtt: MQTTBroker

    var all: [Listener] {
        [http.listener, ws.listener, mqtt.listeners.plain, mqtt.listeners.tls, mqtt.listeners.webSocket]
            .compactMap(\.self)
    }
}

/// Nanoseconds since 1970 when the event loops' clock said 0.
private func loopEpoch() -> UInt64 {
    let wall = SystemTime.sinceEpoch().nanoseconds
    return wall - min(wall, NIODeadline.now().uptimeNanoseconds)
}
