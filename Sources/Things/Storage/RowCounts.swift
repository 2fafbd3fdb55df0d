internal import Model
internal import SQL

/// How many rows each tenant has, by the first byte of their ids.
///
/// Counting, and stepping over the rows before a page, takes as long as there are rows. With these counts a list knows its
/// total, and begins in the bucket of its first row: page 900 costs what page 1 does. Ids are random, so buckets are
/// alike, and there are enough of them that writers seldom wait for each other.
struct RowCounts: Sendable {
    let table: String

    /// Where a page begins.
    struct Position {
        let total: Int
        /// The smallest id of the bucket that the page's first row is in.
        let lowerBound: UniqueID
        /// How many rows of that bucket come before the page.
        let skipped: Int
    }

    func added(_ ids: [UniqueID], of tenant: Tenant.ID, in session: any SQLSession) throws {
        var counts: [Int64: Int64] = [:]
        for id in ids { counts[Self.bucket(of: id), default: 0] += 1 }
        // In one order for every writer: so none waits for one that waits for it.
        let rows = counts.sorted { $0.key < $1.key }.map { bucket, count -> [SQLValue] in
            [.id(tenant.value), .integer(bucket), .integer(count)]
        }
        try session.insert(
            into: table,
            columns: ["tenant_id", "bucket", "count"],
            rows: rows,
            onConflict: "(tenant_id, bucket) DO UPDATE SET count = \(table).count + excluded.count"
        )
    }

    func removed(_ id: UniqueID, of tenant: Tenant.ID, in session: any SQLSession) throws {
        try session.run(
            "UPDATE \(table) SET count = count - 1 WHERE tenant_id = $1 AND bucket = $2",
            [.id(tenant.value), .integer(Self.bucket(of: id))]
        )
    }

    func removedAll(of tenant: Tenant.ID, in session: any SQLSession) throws {
        try session.run("DELETE FROM \(table) WHERE tenant_id = $1", [.id(tenant.value)])
    }

    /// The total of the tenant `$1`, as a statement.
    var totalOfTenant: String {
        "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS total FROM \(table) WHERE tenant_id = $1"
    }

    func total(of tenant: Tenant.ID, in session: any SQLSession) throws -> Int {
        Int(try session.query(totalOfTenant, [.id(tenant.value)]).first?.integer("total") ?? 0)
    }

    /// Where the row with so many before it is, if there are so many.
    func position(of offset: Int, of tenant: Tenant.ID, in session: any SQLSession) throws -> Position {
        // Adding up here is faster than a window function is.
        let sql = "SELECT bucket, count FROM \(table) WHERE tenant_id = $1 AND count > 0 ORDER BY bucket"
        var (total, start) = (0, (bucket: UInt64(0), before: 0))
        for row in try session.query(sql, [.id(tenant.value)]) {
            if total <= offset { start = (try UInt64(clamping: row.integer("bucket")), total) }
            total += Int(try row.integer("count"))
        }
        let lowerBound = UniqueID(high: start.bucket << 56, low: 0)
        return Position(total: total, lowerBound: lowerBound, skipped: offset - start.before)
    }

    private static func bucket(of id: UniqueID) -> Int64 { Int64(id.high >> 56) }
}
