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
        try session.execute(
            "UPDATE \(table) SET count = count - 1 WHERE tenant_id = $1 AND bucket = $2",
            [.id(tenant.value), .integer(Self.bucket(of: id))]
        )
    }

    func removedAll(of tenant: Tenant.ID, in session: any SQLSession) throws {
        try session.execute("DELETE FROM \(table) WHERE tenant_id = $1", [.id(tenant.value)])
    }

    func total(of tenant: Tenant.ID, in session: any SQLSession) throws -> Int {
        let sql = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) AS total FROM \(table) WHERE tenant_id = $1"
        return Int(try session.query(sql, [.id(tenant.value)]).first?.integer("total") ?? 0)
    }

    /// Where the row with so many before it is; nil if the tenant has none.
    func position(of offset: Int, of tenant: Tenant.ID, in session: any SQLSession) throws -> Position? {
        let sql = """
            SELECT bucket, CAST(before AS BIGINT) AS before, CAST(total AS BIGINT) AS total FROM (
                SELECT bucket, SUM(count) OVER (ORDER BY bucket) - count AS before, SUM(count) OVER () AS total
                FROM \(table) WHERE tenant_id = $1 AND count > 0
            ) AS buckets
            WHERE before <= $2 ORDER BY bucket DESC LIMIT 1
            """
        guard let row = try session.query(sql, [.id(tenant.value), .integer(Int64(offset))]).first else { return nil }
        let bucket = try UInt64(clamping: row.integer("bucket"))
        return Position(
            total: Int(try row.integer("total")),
            lowerBound: UniqueID(high: bucket << 56, low: 0),
            skipped: offset - Int(try row.integer("before"))
        )
    }

    private static func bucket(of id: UniqueID) -> Int64 { Int64(id.high >> 56) }
}
