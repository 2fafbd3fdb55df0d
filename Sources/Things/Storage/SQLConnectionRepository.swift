internal import Model
internal import SQL
internal import ThingsCore

struct SQLConnectionRepository: ConnectionRepository {
    let database: any SQLDatabase
    let outbox: SQLOutbox

    func connect(_ connections: Connections, of tenant: Tenant.ID, telling events: [ThingsEvent]) async throws {
        let told = outbox.entries(events)
        // Only what the tenant owns is joined, so fewer rows than asked for tell of an end that isn't the tenant's.
        try await database.changing(onDuplicate: .alreadyConnected) { session in
            let sql = """
                INSERT INTO connections (tenant_id, channel_id, thing_id)
                SELECT $1, channels.id, things.id FROM channels CROSS JOIN things
                WHERE channels.tenant_id = $1 AND \(session.dialect.idIsAmong("channels.id", "$2"))
                AND things.tenant_id = $1 AND \(session.dialect.idIsAmong("things.id", "$3"))
                """
            let made = try session.execute(sql, connections.values(of: tenant))
            guard made == connections.count else { throw ThingsError.notFound }
            try told.insert(in: session)
        }
    }

    func disconnect(_ connections: Connections, of tenant: Tenant.ID, telling events: [ThingsEvent]) async throws {
        let told = outbox.entries(events)
        try await database.changing { session in
            let sql = """
                DELETE FROM connections WHERE tenant_id = $1
                AND \(session.dialect.idIsAmong("channel_id", "$2"))
                AND \(session.dialect.idIsAmong("thing_id", "$3"))
                """
            let ended = try session.execute(sql, connections.values(of: tenant))
            guard ended == connections.count else { throw ThingsError.notFound }
            try told.insert(in: session)
        }
    }

    func removeAll(of tenant: Tenant.ID, telling events: [ThingsEvent]) async throws -> Bool {
        let told = outbox.entries(events)
        return try await database.changing { session in
            let things = try SQLThingRepository.table.deleteAll(of: tenant, in: session)
            let channels = try SQLChannelRepository.table.deleteAll(of: tenant, in: session)
            try told.insert(in: session)
            return things + channels > 0
        }
    }
}

extension Connections {
    fileprivate func values(of tenant: Tenant.ID) -> [SQLValue] {
        [.id(tenant.value), .ids(channels), .ids(things)]
    }
}
