package import SQL
package import ThingsCore

/// Things, channels and connections in an SQL database; thing keys as their sealer makes them.
package struct ThingsDatabase: Sendable {
    package let repositories: ThingsRepositories

    private let database: any SQLDatabase
    private let keys: ThingKeyStore

    /// - Parameters:
    ///   - relaysEvents: whether events are kept until they are relayed.
    ///   - limits: the same in every program that writes to the database.
    package init(
        _ database: any SQLDatabase,
        sealer: ThingKeySealer,
        relaysEvents: Bool,
        limits: TenantLimits = TenantLimits()
    ) {
        self.database = database
        self.keys = ThingKeyStore(sealer: sealer)
        let outbox = SQLOutbox(database: database, isRelayed: relaysEvents)
        self.repositories = ThingsRepositories(
            things: SQLThingRepository(
                database: database,
                outbox: outbox,
                keys: keys,
                limit: RowLimit(.things, limits.things)
            ),
            channels: SQLChannelRepository(
                database: database,
                outbox: outbox,
                limit: RowLimit(.channels, limits.channels)
            ),
            connections: SQLConnectionRepository(database: database, outbox: outbox),
            access: SQLAccessRepository(database: database, keys: keys),
            outbox: outbox
        )
    }

    /// Brings the schema up to date, and puts keys that an older secret protects under the current one. Call it before
    /// anything else. Throws ``ThingKeySealer/Failure`` if a stored key is under a secret that isn't known.
    package func prepare() async throws {
        try await database.migrate(ThingsSchema.migrations)
        try await keys.renew(in: database)
    }
}
