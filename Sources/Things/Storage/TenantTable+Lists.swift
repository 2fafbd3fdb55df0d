internal import Model
internal import SQL
internal import ThingsCore

/// Lists in the order of ids. What comes before a page is stepped over in an index alone.
extension TenantTable {
    struct Rows {
        let total: Int
        let rows: [SQLRow]
    }

    func list<Peer>(
        _ selection: Selection<Peer>,
        _ page: PageRequest,
        of tenant: Tenant.ID,
        in session: any SQLSession
    ) throws -> Rows {
        switch selection {
        case .connected(let peer): try connected(to: peer.value, page, of: tenant, in: session)
        case .matching(.everything): try all(page, of: tenant, in: session)
        case .matching(let filter): try matching(filter, page, of: tenant, in: session)
        }
    }

    private func all(_ page: PageRequest, of tenant: Tenant.ID, in session: any SQLSession) throws -> Rows {
        guard page.offset > 0 else { return try first(page.limit, of: tenant, in: session) }
        let start = try counts.position(of: page.offset, of: tenant, in: session)
        guard page.offset < start.total else { return Rows(total: start.total, rows: []) }
        // What comes before the page is stepped over in the index alone.
        let first = "SELECT id FROM \(name) WHERE tenant_id = $1 AND id >= $2 ORDER BY id LIMIT 1 OFFSET $3"
        let sql = """
            SELECT \(columns.joined(separator: ", ")) FROM \(name)
            WHERE tenant_id = $1 AND id >= (\(first)) ORDER BY id LIMIT $4
            """
        let values: [SQLValue] = [
            .id(tenant.value), .id(start.lowerBound), .integer(Int64(start.skipped)), .integer(Int64(page.limit)),
        ]
        return Rows(total: start.total, rows: try session.query(sql, values))
    }

    /// The first page, with the total in each row: one question is answered sooner than two.
    private func first(_ limit: Int, of tenant: Tenant.ID, in session: any SQLSession) throws -> Rows {
        let sql = """
            SELECT (\(counts.totalOfTenant)) AS total, \(columns.joined(separator: ", ")) FROM \(name)
            WHERE tenant_id = $1 ORDER BY id LIMIT $2
            """
        let rows = try session.query(sql, [.id(tenant.value), .integer(Int64(limit))])
        return Rows(total: Int(try rows.first?.integer("total") ?? 0), rows: rows)
    }

    private func matching(
        _ filter: ListFilter,
        _ page: PageRequest,
        of tenant: Tenant.ID,
        in session: any SQLSession
    ) throws -> Rows {
        var condition = "tenant_id = $1"
        var values: [SQLValue] = [.id(tenant.value)]
        if !filter.name.isEmpty {
            values.append(.text(filter.name))
            condition += " AND " + session.dialect.textContains("name", "$\(values.count)")
        }
        if !filter.metadata.isEmpty {
            values.append(.json(JSONValue.object(filter.metadata).text))
            condition += " AND " + session.dialect.jsonContains("metadata", "$\(values.count)")
        }
        return try rows(from: name, idColumn: "id", where: condition, values, page, in: session)
    }

    private func connected(
        to peer: UniqueID,
        _ page: PageRequest,
        of tenant: Tenant.ID,
        in session: any SQLSession
    ) throws -> Rows {
        let condition = "tenant_id = $1 AND \(otherEnd) = $2"
        let values: [SQLValue] = [.id(tenant.value), .id(peer)]
        return try rows(from: "connections", idColumn: ownEnd, where: condition, values, page, in: session)
    }

    private func rows(
        from table: String,
        idColumn: String,
        where condition: String,
        _ values: [SQLValue],
        _ page: PageRequest,
        in session: any SQLSession
    ) throws -> Rows {
        let count = try session.query("SELECT COUNT(*) AS total FROM \(table) WHERE \(condition)", values).first
        let total = Int(try count?.integer("total") ?? 0)
        guard page.offset < total else { return Rows(total: total, rows: []) }
        let ids = """
            SELECT \(idColumn) AS id FROM \(table) WHERE \(condition)
            ORDER BY \(idColumn) LIMIT $\(values.count + 1) OFFSET $\(values.count + 2)
            """
        let bounds: [SQLValue] = [.integer(Int64(page.limit)), .integer(Int64(page.offset))]
        return Rows(total: total, rows: try session.query(rows(ofIDs: ids), values + bounds))
    }

    private func rows(ofIDs ids: String) -> String {
        let columns = columns.map { "item.\($0) AS \($0)" }.joined(separator: ", ")
        return "SELECT \(columns) FROM (\(ids)) AS page JOIN \(name) AS item ON item.id = page.id ORDER BY item.id"
    }
}

extension Selection {
    /// Whether the page is found with one statement.
    func isAskedOnce(for page: PageRequest) -> Bool {
        guard case .matching(.everything) = self else { return false }
        return page.offset == 0
    }
}
