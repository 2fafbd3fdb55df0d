internal import Model
internal import SQL
internal import ThingsCore

/// ``EventOutbox`` in the database of the things: an event is a row that is committed with the change that it tells of.
struct SQLOutbox: EventOutbox {
    /// What is to be kept with a change.
    struct Entries: Sendable {
        fileprivate let rows: [[SQLValue]]

        /// Comes after the change in the same transaction: what follows each other on one row does so here.
        func insert(in session: any SQLSession) throws {
            guard !rows.isEmpty else { return }
            try session.insert(into: "outbox", columns: ["event", "trace"], rows: rows)
        }
    }

    /// The position of the event that was told last.
    private static let newest = "SELECT newest FROM outbox_relay"
    /// Most events of a round.
    private static let portion: Int64 = 500

    let database: any SQLDatabase
    /// Whether anybody relays what is kept.
    let isRelayed: Bool

    func entries(_ events: [ThingsEvent]) -> Entries {
        guard isRelayed else { return Entries(rows: []) }
        let trace = TraceContext.current?.child().traceparent ?? ""
        return Entries(rows: events.map { [.text(JSONValue.object($0.members).text), .text(trace)] })
    }

    func relay(_ send: @escaping @Sendable (OutboxRound) throws -> Void) async throws -> Bool {
        try await database.writeAlone(as: .outbox) { session in
            // What is told twice does no harm, and those who made the changes wait for the round.
            if let sql = session.dialect.endsBeforeItIsStored { try session.run(sql, []) }
            let round = try Self.takeRound(began: .now, in: session)
            try send(round)
            if !round.events.isEmpty {
                try session.run("UPDATE outbox_relay SET newest = $1", [.integer(round.newest)])
            }
            return round.isAll
        }
    }

    private static func takeRound(began: ContinuousClock.Instant, in session: any SQLSession) throws -> OutboxRound {
        let sql = """
            DELETE FROM outbox WHERE number IN (SELECT number FROM outbox ORDER BY number LIMIT \(portion))
            RETURNING number, event, trace, (\(newest)) AS newest
            """
        let rows = try session.query(sql, [])
        var newest = try (rows.first ?? session.query(Self.newest, []).first)?.integer("newest") ?? 0
        let events = try rows.map { row in (try row.integer("number"), row) }.sorted { $0.0 < $1.0 }.map { _, row in
            let event = OutboxEvent(
                after: newest,
                members: try row.object("event"),
                trace: TraceContext(traceparent: try row.text("trace"))
            )
            newest = event.position
            return event
        }
        return OutboxRound(events: events, newest: newest, isAll: events.count < portion, began: began)
    }
}

extension DatabaseLock {
    fileprivate static let outbox = DatabaseLock(4_605_091_176_254)
}
