internal import Model
internal import SQL
internal import ThingsCore

/// Many questions in two statements, whatever their number.
struct AccessBatch: Sendable {
    private let count: Int
    /// Where the answer goes, and the digest; under several secrets a key has several.
    private var keys: [(place: Int, digest: [UInt8])] = []
    private var uses: [(place: Int, connection: Connection)] = []

    init(_ inquiries: [AccessInquiry], _ sealer: ThingKeySealer) {
        count = inquiries.count
        for (place, inquiry) in inquiries.enumerated() {
            switch inquiry {
            case .key(let key): for digest in sealer.digests(of: key) { keys.append((place, digest)) }
            case .use(let connection): uses.append((place, connection))
            }
        }
    }

    /// Whether there is one statement to run, in PostgreSQL.
    var asksOnce: Bool { keys.isEmpty != uses.isEmpty }

    func answer(in session: any SQLSession) throws -> [ThingIdentity?] {
        var answers = [ThingIdentity?](repeating: nil, count: count)
        for (place, row) in try rows(in: session) where answers.indices.contains(place) {
            answers[place] = ThingIdentity(
                thing: try row.id("thing_id", of: Thing.self),
                tenant: try row.id("tenant_id", of: Tenant.self)
            )
        }
        return answers
    }

    private func rows(in session: any SQLSession) throws -> [(place: Int, row: SQLRow)] {
        switch session.dialect {
        case .sqlite: try oneByOne(in: session)
        case .postgres: try together(in: session)
        }
    }

    /// There are no round trips to save.
    private func oneByOne(in session: any SQLSession) throws -> [(place: Int, row: SQLRow)] {
        let key = "SELECT id AS thing_id, tenant_id FROM things WHERE key_digest = $1"
        let use = "SELECT thing_id, tenant_id FROM connections WHERE thing_id = $1 AND channel_id = $2"
        return try keys.compactMap { place, digest in
            try session.query(key, [.blob(digest)]).first.map { (place, $0) }
        }
            + uses.compactMap { place, connection in
                let values: [SQLValue] = [.id(connection.thing.value), .id(connection.channel.value)]
                return try session.query(use, values).first.map { (place, $0) }
            }
    }

    /// Each in one index look-up, which is what LIMIT makes of it: for a join the planner may read the whole table.
    private func together(in session: any SQLSession) throws -> [(place: Int, row: SQLRow)] {
        var found: [(place: Int, row: SQLRow)] = []
        if !keys.isEmpty {
            let sql = """
                SELECT asked.place, found.thing_id, found.tenant_id
                FROM unnest(CAST($1 AS text)::bytea[]) WITH ORDINALITY AS asked (digest, place)
                CROSS JOIN LATERAL (
                    SELECT id AS thing_id, tenant_id FROM things WHERE key_digest = asked.digest LIMIT 1
                ) AS found
                """
            let digests = Self.array(keys) { "\"\\\\x" + $0.digest.hexadecimal + "\"" }
            found += try session.query(sql, [digests]).map { (keys[try Self.place($0, keys.count)].place, $0) }
        }
        if !uses.isEmpty {
            let sql = """
                SELECT asked.place, found.thing_id, found.tenant_id
                FROM unnest(CAST($1 AS text)::uuid[], CAST($2 AS text)::uuid[])
                WITH ORDINALITY AS asked (thing_id, channel_id, place)
                CROSS JOIN LATERAL (
                    SELECT thing_id, tenant_id FROM connections
                    WHERE thing_id = asked.thing_id AND channel_id = asked.channel_id LIMIT 1
                ) AS found
                """
            let values = [
                Self.array(uses) { "\($0.connection.thing)" }, Self.array(uses) { "\($0.connection.channel)" },
            ]
            found += try session.query(sql, values).map { (uses[try Self.place($0, uses.count)].place, $0) }
        }
        return found
    }

    private static func array<Element>(_ elements: [Element], _ text: (Element) -> String) -> SQLValue {
        .text("{" + elements.map(text).joined(separator: ",") + "}")
    }

    /// Counted from 1 by the engine.
    private static func place(_ row: SQLRow, _ count: Int) throws -> Int {
        let place = Int(try row.integer("place")) - 1
        guard (0..<count).contains(place) else { throw SQLError.malformedRow("place") }
        return place
    }
}
