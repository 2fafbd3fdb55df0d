internal import AdapterServer
internal import AdapterTransport
package import Bootstrap
internal import Foundation
internal import HTTPAdapter
internal import HTTPSupport
internal import Logging
internal import MQTTAdapter
internal import Messaging
internal import Model
internal import Programs
internal import SQLiteDriver
internal import ServiceLifecycle
internal import TLSSupport
internal import ThingsAPI
internal import ThingsCore
internal import ThingsStorage
internal import UsersAPI
internal import UsersCore
internal import UsersSecurity
internal import UsersStorage
internal import WSAdapter

/// The whole platform in one process: users, things and the three adapters, on SQLite and an in-process bus.
package struct Platform: Program {
    package static let name = "fluxgate"
    package static let abstract = "The whole platform in one process."

    package let configuration: PlatformConfiguration

    package init(_ variables: Variables, cores: Int) throws(ConfigurationError) {
        configuration = try PlatformConfiguration(variables, cores: cores)
    }

    package var settings: ProgramSettings { configuration.program }
    package var warnings: [String] { configuration.warnings }

    package func run(_ registry: MetricsRegistry) async throws {
        let folder = try DataFolder(path: configuration.dataFolder)
        try await ProgramHost.run(settings, registry, summary(folder)) { host in
            let events = InProcessEvents(logger: host.logger)
            let (users, things) = try await makeServices(folder, events)
            let openTopics = configuration.deniedOpenTopics.map { OpenTopics(key: .random(), denied: $0) }
            let resolver = AccessResolver(access: makeAccess(things, openTopics))
            let store = try await makeStore(folder, host.logger)
            let shared = SharedQueues(store)
            let sessions = try await makeSessions(folder, store, shared, host.logger)
            let loops = try await AdapterLoops(
                group: host.group,
                ages: .always(UInt64(clamping: configuration.accessMaximumAge.nanoseconds)),
                limits: configuration.limits,
                resolver: resolver,
                bus: store,
                log: store,
                retained: store
            )
            events.connect(loops, store, sessions)
            loops.register(in: registry)
            let (usersSettings, thingsSettings) = (configuration.users, configuration.things)
            let auth = makeThingsAuthResponder(service: things)
            return (sessions.map { [$0] } ?? []) + [
                store,
                resolver,
                host.rest(
                    "users",
                    makeUsersResponder(
                        service: users,
                        version: Release.version,
                        proxies: configuration.usersProxies
                    ),
                    usersSettings.http,
                    usersSettings.tls,
                    logLevel: usersSettings.logLevel
                ),
                host.rest(
                    "things",
                    makeThingsResponder(service: things, version: Release.version),
                    thingsSettings.http,
                    thingsSettings.tls,
                    logLevel: thingsSettings.logLevel
                ),
                host.rest(
                    "things-auth",
                    auth,
                    thingsSettings.authHTTP,
                    thingsSettings.tls,
                    logLevel: thingsSettings.logLevel
                ),
                AdaptersService(
                    listeners: try await openAdapters(
                        loops,
                        keeping(sessions, store),
                        shared,
                        openTopics,
                        host.start
                    ),
                    loops: loops
                ),
            ]
        }
    }

    private func summary(_ folder: DataFolder) -> StartUpSummary {
        StartUpSummary(
            "Fluxgate",
            rows: [
                .init("users API", "http", "users"), .init("things API", "http", "things"),
                .init("things auth API", "http", "things-auth"), .http, .ws,
            ] + configuration.mqttAdapter.rows + [.ops],
            facts: [("data", folder.path)],
            notes: configuration.users.limitsOff
                ? ["Limits on log-in and registration are OFF (MF_LIMITS_OFF)."] : []
        )
    }

    // MARK: Parts

    private func makeAccess(_ things: ThingsService, _ openTopics: OpenTopics?) -> any AccessControl {
        let access = InProcessAccess(things: things)
        return openTopics.map { OpenAccess(key: $0.key, rest: access) } ?? access
    }

    private func makeStore(_ folder: DataFolder, _ logger: Logger) async throws -> MessageStore {
        let storage = configuration.storage
        return try await MessageStore(
            SQLiteDatabase(path: folder.path + "/messages.db"),
            keepsAll: storage.durability == .disk,
            maximumBytes: storage.maximumBytes,
            maximumAge: storage.maximumAge,
            maximumRetained: configuration.mqttAdapter.maximumRetained,
            logger: logger
        )
    }

    private func makeSessions(
        _ folder: DataFolder,
        _ store: MessageStore,
        _ shared: SharedQueues,
        _ logger: Logger
    ) async throws -> SessionDatabase? {
        guard configuration.mqttAdapter.longestSession > 0 else { return nil }
        return try await SessionDatabase(
            SQLiteDatabase(path: folder.path + "/sessions.db"),
            log: store,
            shared: shared,
            maximumOfThing: configuration.mqttAdapter.maximumSessions,
            topics: configuration.deniedOpenTopics == nil ? .ofChannels : .any,
            logger: logger
        )
    }

    private func keeping(_ sessions: SessionDatabase?, _ store: MessageStore) -> SessionKeeping? {
        sessions.map { SessionKeeping(store: $0, log: store, maximumExpiry: configuration.mqttAdapter.longestSession) }
    }

    private func makeServices(
        _ folder: DataFolder,
        _ events: InProcessEvents
    ) async throws -> (UsersService, ThingsService) {
        let database = try SQLiteDatabase(path: folder.databasePath)
        try await database.migrate(UsersMigrations.all)
        let sealer = ThingKeySealer(
            secret: try configuration.things.secret ?? folder.secret("things"),
            olderSecrets: configuration.things.olderSecrets
        )
        let thingsDatabase = ThingsDatabase(
            database,
            sealer: sealer,
            relaysEvents: false,
            limits: TenantLimits(
                things: configuration.things.tenantThings,
                channels: configuration.things.tenantChannels
            )
        )
        try await thingsDatabase.prepare()

        let resources = InProcessResources()
        let users = UsersService(
            accounts: SQLAccountRepository(database),
            passwords: ScryptHasher(threads: (settings.eventLoops + 1) / 2, waitingLimit: 64),
            tokens: await JWTIssuer(secret: try configuration.users.secret ?? folder.secret("users")),
            owned: resources,
            limits: configuration.users.limitsOff ? nil : AttemptLimits(),
            passwordRule: PasswordRule(minimumLength: configuration.users.minimumPasswordLength),
            now: SystemTime.sinceEpoch
        )
        let things = ThingsService(
            repositories: thingsDatabase.repositories,
            users: InProcessUsers(users: users),
            publisher: events
        )
        resources.connect(things)
        return (users, things)
    }

    private func openAdapters(
        _ loops: AdapterLoops,
        _ keeping: SessionKeeping?,
        _ shared: SharedQueues,
        _ openTopics: OpenTopics?,
        _ start: StartUp
    ) async throws -> [Listener] {
        let http = try await HTTPPublishAdapter(configuration.httpAdapter, loops: loops).listener
        let ws = try await WebSocketAdapter(configuration.wsAdapter, loops: loops).listener
        let mqtt = try await MQTTBroker(
            configuration.mqttAdapter,
            loops: loops,
            keeping: keeping,
            shared: shared,
            openTopics: openTopics
        )
        .listeners
        let listeners = [http, ws] + mqtt.all
        for listener in listeners { start.isListening(listener) }
        return listeners
    }
}
