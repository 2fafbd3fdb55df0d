internal import Model
internal import SQL
internal import ThingsCore

struct SQLAccessRepository: AccessRepository {
    let database: any SQLDatabase
    let keys: ThingKeyStore

    func identify(_ key: ThingKey) async throws -> ThingIdentity? {
        let sql = "SELECT id AS thing_id, tenant_id FROM things WHERE key_digest = $1"
        return try await first(of: keys.sealer.digests(of: key).map { (sql, [.blob($0)]) })
    }

    func identity(of thing: Thing.ID, using channel: Channel.ID) async throws -> ThingIdentity? {
        let sql = "SELECT thing_id, tenant_id FROM connections WHERE thing_id = $1 AND channel_id = $2"
        return try await first(of: [(sql, [.id(thing.value), .id(channel.value)])])
    }

    func identity(of key: ThingKey, using channel: Channel.ID) async throws -> ThingIdentity? {
        let sql = """
            SELECT connections.thing_id, connections.tenant_id FROM things
            JOIN connections ON connections.thing_id = things.id
            WHERE things.key_digest = $1 AND connections.channel_id = $2
            """
        return try await first(of: keys.sealer.digests(of: key).map { (sql, [.blob($0), .id(channel.value)]) })
    }

    func identities(_ inquiries: [AccessInquiry]) async throws -> [ThingIdentity?] {
        let batch = AccessBatch(inquiries, keys.sealer)
        return try await database.reading(once: batch.asksOnce) { session in try batch.answer(in: session) }
    }

    /// The first identity that one of the queries finds; there is one query but while the secret is being changed.
    private func first(of queries: [(sql: String, values: [SQLValue])]) async throws -> ThingIdentity? {
        try await database.reading(once: queries.count == 1) { session in
            for query in queries {
                guard let row = try session.query(query.sql, query.values).first else { continue }
                return ThingIdentity(
                    thing: try row.id("thing_id", of: Thing.self),
                    tenant: try row.id("tenant_id", of: Tenant.self)
                )
            }
            return nil
        }
    }
}
