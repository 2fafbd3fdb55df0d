internal import Model
internal import SQL
internal import ThingsCore

struct SQLChannelRepository: ChannelRepository {
    static let table = TenantTable(
        name: "channels",
        columns: ["id", "tenant_id", "name", "metadata", "revision"],
        counts: RowCounts(table: "channel_counts"),
        ownEnd: "channel_id",
        otherEnd: "thing_id"
    )

    let database: any SQLDatabase
    let outbox: SQLOutbox
    let limit: RowLimit?

    func add(_ channels: [Channel], telling events: [ThingsEvent]) async throws {
        let rows = channels.map(row)
        let told = outbox.entries(events)
        let lock = channels.first.flatMap { limit?.lock(for: $0.tenant) }
        try await database.changing(as: lock) { session in
            let ids = channels.lazy.map { (tenant: $0.tenant, id: $0.id.value) }
            try Self.table.insert(rows, ids: ids, upTo: limit, in: session)
            try told.insert(in: session)
        }
    }

    func find(_ id: Channel.ID, of tenant: Tenant.ID) async throws -> Versioned<Channel>? {
        try await database.reading(once: true) { session in
            guard let row = try Self.table.find(id.value, of: tenant, in: session) else { return nil }
            return Versioned(try channel(row), revision: try row.integer("revision"))
        }
    }

    func list(_ selection: Selection<Thing>, _ page: PageRequest, of tenant: Tenant.ID) async throws -> Page<Channel> {
        try await database.reading(once: selection.isAskedOnce(for: page)) { session in
            let found = try Self.table.list(selection, page, of: tenant, in: session)
            return Page(total: found.total, request: page, items: try found.rows.map(channel))
        }
    }

    func change(
        _ id: Channel.ID,
        _ details: Details,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Revision {
        let told = outbox.entries(events)
        return try await database.changing { session in
            let revision = try Self.table.update(id.value, to: details, if: precondition, of: tenant, in: session)
            try told.insert(in: session)
            return revision
        }
    }

    func remove(
        _ id: Channel.ID,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Bool {
        let told = outbox.entries(events)
        return try await database.changing { session in
            guard try Self.table.delete(id.value, if: precondition, of: tenant, in: session) else { return false }
            try told.insert(in: session)
            return true
        }
    }

    private func row(_ channel: Channel) -> [SQLValue] {
        [
            .id(channel.id.value), .id(channel.tenant.value), .text(channel.name),
            .json(JSONValue.object(channel.metadata).text), .integer(1),
        ]
    }

    private func channel(_ row: SQLRow) throws -> Channel {
        Channel(
            id: try row.id("id", of: Channel.self),
            tenant: try row.id("tenant_id", of: Tenant.self),
            name: try row.text("name"),
            metadata: try row.object("metadata")
        )
    }
}
