internal import ArgumentParser
internal import Bootstrap
internal import Model
internal import NATSBus
internal import PostgresDriver
internal import PostgresSettings
internal import Programs
internal import RPCSupport
internal import RemoteSettings
internal import SQL
internal import ServiceLifecycle
internal import TLSSupport
internal import ThingsAPI
internal import ThingsCore
internal import ThingsRPC
internal import ThingsRemote
internal import ThingsStorage

@main
enum ThingsMain {
    static func main() async { await ProgramCommand<ThingsProgram>.main() }
}

/// The program `things`.
struct ThingsProgram: Program {
    static let name = "things"
    static let abstract = "Things, channels, and who may what."

    let settings: ProgramSettings
    let warnings: [String]
    private let things: ThingsSettings
    private let secret: Secret
    private let grpc: ListenAddress
    private let rpcTLS: ServerTLS?
    private let database: PostgresConfiguration
    private let nats: NATSConfiguration
    private let users: RPCSettings

    init(_ variables: Variables, cores: Int) throws(ConfigurationError) {
        var tls = try TLSVariables(variables)
        settings = try ProgramSettings(variables, name: Self.name, opsPort: 8192, cores: cores, &tls)
        things = try ThingsSettings(variables, host: .everywhere, &tls)
        rpcTLS = try tls.rpc("MF_THINGS", besides: things.tls)
        // All copies seal, and open, with the same.
        guard let secret = things.secret else { throw ConfigurationError("MF_THINGS_SECRET", "is missing") }
        self.secret = secret
        grpc = try variables.address("MF_THINGS_AUTH_GRPC", port: 8183, host: "127.0.0.1")
        database = try PostgresConfiguration(variables, prefix: "MF_THINGS_DB")
        nats = try NATSConfiguration(variables, name: Self.name)
        users = try RPCSettings(variables, service: "USERS", port: 8181, prefix: "MF_THINGS")
        warnings = tls.warnings
    }

    func run(_ registry: MetricsRegistry) async throws {
        let summary = StartUpSummary(
            "Fluxgate things",
            rows: [
                .init("things API", "http", "things"), .init("things auth API", "http", "things-auth"),
                .init("gRPC", "grpc", "things-grpc"), .ops,
            ],
            facts: [
                ("database", database.summary), ("users", users.summary),
                ("bus", nats.summary),
            ]
        )
        try await ProgramHost.run(settings, registry, summary) { host in
            let database = PostgresDatabase(self.database)
            let bus = try NATSConnection(nats, sharesThread: true, logger: host.logger)
            let rpc = try RPCClient(users.target, trust: users.trust, pair: users.pair, timeout: users.timeout)
            let directory = RemoteUsers(rpc)
            host.start.readiness.needs("postgres") { database.outage }
            host.start.readiness.needs("nats") { bus.outage }
            host.start.readiness.needs("users") { rpc.outage }
            let storage = ThingsDatabase(
                database,
                sealer: ThingKeySealer(secret: secret, olderSecrets: things.olderSecrets),
                relaysEvents: true,
                limits: TenantLimits(things: things.tenantThings, channels: things.tenantChannels)
            )
            let relay = EventRelay(storage.repositories.outbox, bus, logger: host.logger)
            let service = ThingsService(
                repositories: storage.repositories,
                users: RememberedUsers(directory),
                publisher: relay
            )
            let removals = AccountRemovals(bus, things: service, logger: host.logger)
            bus.start()
            let grpc = try RPCListener(
                "things-grpc",
                on: grpc,
                tls: rpcTLS,
                services: [ThingsRPCService(service), AccessRPCService(service)],
                group: host.group,
                logger: host.logger,
                onListening: { host.start.isListening("things-grpc", on: $0, isSecure: rpcTLS != nil) }
            )
            let api = makeThingsResponder(service: service, version: Release.version)
            let auth = makeThingsAuthResponder(service: service)
            let schema = SchemaService(host, isOutage: { ($0 as? SQLError)?.code == .unavailable }) {
                try await storage.prepare()
            }
            return [
                ClosingService { bus.close() }, rpc, WatchService(watch: directory.watch), schema,
                schema.before(relay),
                schema.before(removals),
                schema.before(grpc),
                schema.before(host.rest("things", api, things.http, things.tls, logLevel: things.logLevel)),
                schema.before(host.rest("things-auth", auth, things.authHTTP, things.tls, logLevel: things.logLevel)),
            ]
        }
    }
}
