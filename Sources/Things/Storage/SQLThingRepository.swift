internal import Model
internal import SQL
internal import ThingsCore

struct SQLThingRepository: ThingRepository {
    static let table = TenantTable(
        name: "things",
        columns: ["id", "tenant_id"] + ThingKeyStore.columns + ["name", "metadata", "revision"],
        counts: RowCounts(table: "thing_counts"),
        ownEnd: "thing_id",
        otherEnd: "channel_id"
    )

    let database: any SQLDatabase
    let outbox: SQLOutbox
    let keys: ThingKeyStore
    let limit: RowLimit?

    func add(_ things: [Thing], telling events: [ThingsEvent]) async throws {
        let rows = try things.map(row)
        let told = outbox.entries(events)
        let lock = things.first.flatMap { limit?.lock(for: $0.tenant) }
        try await database.changing(as: lock, onDuplicate: .keyInUse) { session in
            try keys.refuseOlderDuplicates(of: things.map(\.key), in: session)
            let ids = things.lazy.map { (tenant: $0.tenant, id: $0.id.value) }
            try Self.table.insert(rows, ids: ids, upTo: limit, in: session)
            try told.insert(in: session)
        }
    }

    func find(_ id: Thing.ID, of tenant: Tenant.ID) async throws -> Versioned<Thing>? {
        try await database.reading(once: true) { session in
            guard let row = try Self.table.find(id.value, of: tenant, in: session) else { return nil }
            return Versioned(try thing(row), revision: try row.integer("revision"))
        }
    }

    func list(_ selection: Selection<Channel>, _ page: PageRequest, of tenant: Tenant.ID) async throws -> Page<Thing> {
        try await database.reading(once: selection.isAskedOnce(for: page)) { session in
            let found = try Self.table.list(selection, page, of: tenant, in: session)
            return Page(total: found.total, request: page, items: try found.rows.map(thing))
        }
    }

    func change(
        _ id: Thing.ID,
        _ change: ThingChange,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent]
    ) async throws -> Revision {
        let told = outbox.entries(events)
        return try await database.changing(onDuplicate: .keyInUse) { session in
            let revision: Revision
            switch change {
            case .details(let details):
                revision = try Self.table.update(id.value, to: details, if: precondition, of: tenant, in: session)
            case .key(let key):
                try keys.refuseOlderDuplicates(of: [key], in: session)
                let changes = zip(ThingKeyStore.columns, try keys.values(of: key, for: id)).map { ($0, $1) }
                revision = try Self.table.update(id.value, set: changes, if: precondition, of: tenant, in: session)
            }
            try told.insert(in: session)
            return revision
        }
    }

    func remove(
        _ id: Thing.ID,
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

    private func row(_ thing: Thing) throws -> [SQLValue] {
        [.id(thing.id.value), .id(thing.tenant.value)] + (try keys.values(of: thing.key, for: thing.id))
            + [.text(thing.name), .json(JSONValue.object(thing.metadata).text), .integer(1)]
    }

    private func thing(_ row: SQLRow) throws -> Thing {
        let id = try row.id("id", of: Thing.self)
        return Thing(
            id: id,
            tenant: try row.id("tenant_id", of: Tenant.self),
            key: try keys.key(of: id, in: row),
            name: try row.text("name"),
            metadata: try row.object("metadata")
        )
    }
}
