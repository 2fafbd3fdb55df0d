internal import ArgumentParser
internal import Bootstrap
internal import HTTPSupport
internal import Messaging
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
internal import UsersAPI
internal import UsersCore
internal import UsersRPC
internal import UsersRemote
internal import UsersSecurity
internal import UsersStorage

@main
enum UsersMain {
    static func main() async { await ProgramCommand<UsersProgram>.main() }
}

/// The program `users`.
struct UsersProgram: Program {
    static let name = "users"
    static let abstract = "Accounts and tokens."

    let settings: ProgramSettings
    let warnings: [String]
    private let users: UsersSettings
    private let proxies: ProxyNetworks
    private let secret: Secret
    private let grpc: ListenAddress
    private let rpcTLS: ServerTLS?
    private let database: PostgresConfiguration
    private let nats: NATSConfiguration

    init(_ variables: Variables, cores: Int) throws(ConfigurationError) {
        var tls = try TLSVariables(variables)
        settings = try ProgramSettings(variables, name: Self.name, opsPort: 8191, cores: cores, &tls)
        users = try UsersSettings(variables, host: .everywhere, &tls)
        rpcTLS = try tls.rpc("MF_USERS", besides: users.tls)
        proxies = try ProxyNetworks(variables, "MF_USERS_TRUSTED_PROXIES")
        // All copies sign, and read, with the same.
        guard let secret = users.secret else { throw ConfigurationError("MF_USERS_SECRET", "is missing") }
        self.secret = secret
        grpc = try variables.address("MF_USERS_GRPC", port: 8181, host: "127.0.0.1")
        database = try PostgresConfiguration(variables, prefix: "MF_USERS_DB")
        nats = try NATSConfiguration(variables, name: Self.name)
        warnings = tls.warnings
    }

    func run(_ registry: MetricsRegistry) async throws {
        let summary = StartUpSummary(
            "Fluxgate users",
            rows: [.init("users API", "http", "users"), .init("gRPC", "grpc", "users-grpc"), .ops],
            facts: [("database", database.summary), ("bus", nats.summary)],
            notes: users.limitsOff ? ["Limits on log-in and registration are OFF (MF_LIMITS_OFF)."] : []
        )
        try await ProgramHost.run(settings, registry, summary) { host in
            let database = PostgresDatabase(self.database)
            let bus = try NATSConnection(nats, sharesThread: true, logger: host.logger)
            host.start.readiness.needs("postgres") { database.outage }
            host.start.readiness.needs("nats") { bus.outage }
            bus.start()
            let service = UsersService(
                accounts: SQLAccountRepository(database),
                passwords: ScryptHasher(threads: (settings.eventLoops + 1) / 2, waitingLimit: 64),
                tokens: await JWTIssuer(secret: secret),
                owned: RemoteResources(bus),
                limits: users.limitsOff ? nil : AttemptLimits(),
                passwordRule: PasswordRule(minimumLength: users.minimumPasswordLength),
                tokenMemory: AccountRemoval.tokenMemory,
                now: SystemTime.sinceEpoch
            )
            let grpc = try RPCListener(
                "users-grpc",
                on: grpc,
                tls: rpcTLS,
                services: [UsersRPCService(service)],
                group: host.group,
                logger: host.logger,
                onListening: { host.start.isListening("users-grpc", on: $0, isSecure: rpcTLS != nil) }
            )
            let api = makeUsersResponder(service: service, version: Release.version, proxies: proxies)
            let schema = SchemaService(host, isOutage: { ($0 as? SQLError)?.code == .unavailable }) {
                try await database.migrate(UsersMigrations.all)
            }
            return [
                ClosingService { bus.close() }, schema, schema.before(grpc),
                schema.before(host.rest("users", api, users.http, users.tls, logLevel: users.logLevel)),
            ]
        }
    }
}
