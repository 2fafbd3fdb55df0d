internal import Model
internal import SQL
internal import ThingsCore

/// What things and channels have in common as rows: an id, a tenant, a revision, and connections to the others.
struct TenantTable: Sendable {
    let name: String
    let columns: [String]
    let counts: RowCounts
    /// The columns of `connections` that hold the ids of these rows and of those at the other end.
    let ownEnd: String
    let otherEnd: String

    /// - Parameter limit: if there is one, the session holds its lock.
    func insert(
        _ rows: [[SQLValue]],
        ids: some Sequence<(tenant: Tenant.ID, id: UniqueID)>,
        upTo limit: RowLimit?,
        in session: any SQLSession
    ) throws {
        let added = Dictionary(grouping: ids, by: \.tenant)
        if let limit {
            for (tenant, ids) in added { try limit.admit(ids.count, beside: counts.total(of: tenant, in: session)) }
        }
        try session.insert(into: name, columns: columns, rows: rows)
        for (tenant, ids) in added {
            try counts.added(ids.map(\.id), of: tenant, in: session)
        }
    }

    func find(_ id: UniqueID, of tenant: Tenant.ID, in session: any SQLSession) throws -> SQLRow? {
        let sql = "SELECT \(columns.joined(separator: ", ")) FROM \(name) WHERE tenant_id = $1 AND id = $2"
        return try session.query(sql, [.id(tenant.value), .id(id)]).first
    }

    /// Sets the columns and raises the revision, which is answered.
    func update(
        _ id: UniqueID,
        set changes: [(column: String, value: SQLValue)],
        if precondition: Precondition,
        of tenant: Tenant.ID,
        in session: any SQLSession
    ) throws -> Revision {
        let seen = try revision(of: id, of: tenant, in: session)
        guard seen != nil else { throw ThingsError.notFound }
        let demanded = try precondition.demanded(seen)
        let assignments = changes.enumerated().map { ", \($1.column) = $\($0 + 4)" }.joined()
        let sql = """
            UPDATE \(name) SET revision = revision + 1\(assignments)
            WHERE tenant_id = $1 AND id = $2 AND (revision = $3 OR $3 = 0) RETURNING revision
            """
        let values: [SQLValue] = [.id(tenant.value), .id(id), .integer(demanded)] + changes.map(\.value)
        guard let row = try session.query(sql, values).first else {
            throw demanded == 0 ? ThingsError.notFound : ThingsError.changedMeanwhile
        }
        return try row.integer("revision")
    }

    /// Replaces name and metadata, as above.
    func update(
        _ id: UniqueID,
        to details: Details,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        in session: any SQLSession
    ) throws -> Revision {
        let changes: [(column: String, value: SQLValue)] = [
            ("name", .text(details.name)), ("metadata", .json(JSONValue.object(details.metadata).text)),
        ]
        return try update(id, set: changes, if: precondition, of: tenant, in: session)
    }

    /// Answers whether there was such a row.
    func delete(
        _ id: UniqueID,
        if precondition: Precondition,
        of tenant: Tenant.ID,
        in session: any SQLSession
    ) throws -> Bool {
        let demanded =
            precondition == .none ? 0 : try precondition.demanded(revision(of: id, of: tenant, in: session))
        let sql = "DELETE FROM \(name) WHERE tenant_id = $1 AND id = $2 AND (revision = $3 OR $3 = 0)"
        guard try session.execute(sql, [.id(tenant.value), .id(id), .integer(demanded)]) > 0 else {
            guard precondition == .none else { throw ThingsError.changedMeanwhile }
            return false
        }
        try counts.removed(id, of: tenant, in: session)
        return true
    }

    func deleteAll(of tenant: Tenant.ID, in session: any SQLSession) throws -> Int {
        let count = try session.execute("DELETE FROM \(name) WHERE tenant_id = $1", [.id(tenant.value)])
        try counts.removedAll(of: tenant, in: session)
        return count
    }

    private func revision(of id: UniqueID, of tenant: Tenant.ID, in session: any SQLSession) throws -> Revision? {
        let sql = "SELECT revision FROM \(name) WHERE tenant_id = $1 AND id = $2"
        return try session.query(sql, [.id(tenant.value), .id(id)]).first?.integer("revision")
    }
}

extension Precondition {
    /// The revision that the row must still have when it is changed; zero, which no row has, for any.
    fileprivate func demanded(_ seen: Revision?) throws -> Revision {
        guard allows(seen) else { throw ThingsError.changedMeanwhile }
        guard case .isOneOf = self, let seen else { return 0 }
        return seen
    }
}

extension SQLRow {
    /// A column that holds a JSON object.
    func object(_ column: String) throws -> JSONObject {
        guard case .object(let members) = try? JSONValue(parsing: text(column)) else {
            throw SQLError.malformedRow(column)
        }
        return members
    }
}
