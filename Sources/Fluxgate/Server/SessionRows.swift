internal import Foundation
internal import Logging
internal import MQTTAdapter
internal import MQTTSession
internal import Messaging
internal import Model
internal import SQL

/// The rows of ``SessionDatabase``; written and read in the order of the calls.
final class SessionRows: Sendable {
    private static let schema = [
        Migration("sessions_1") { dialect in
            [
                """
                CREATE TABLE sessions (
                    thing \(dialect.idType) NOT NULL,
                    client TEXT NOT NULL,
                    tenant \(dialect.idType) NOT NULL,
                    expires BIGINT,
                    session \(dialect.jsonType) NOT NULL,
                    PRIMARY KEY (thing, client)
                )
                """
            ]
        }
    ]

    private let database: any SQLDatabase
    private let topics: MQTTTopics
    private let logger: Logger
    private let commits = GroupCommit<TransactionPart>()

    init(_ database: any SQLDatabase, topics: MQTTTopics, logger: Logger) {
        self.database = database
        self.topics = topics
        self.logger = logger
    }

    /// All that there are. The time of those that a connection had when the program ended runs from now on.
    ///
    /// - Parameter stored: the messages of QoS 2 of such a session that were stored, maybe unknown to it.
    func prepare(
        at now: UInt64,
        stored: @Sendable (_ origin: UInt64) async throws -> [UInt64]
    ) async throws -> [(record: SessionRecord, expires: UInt64)] {
        try await database.migrate(Self.schema)
        var sessions: [(record: SessionRecord, expires: UInt64)] = []
        var recovered: [(record: SessionRecord, expires: UInt64)] = []
        var unreadable: [MQTTClient] = []
        for (client, record, expires) in try await all() {
            if var record, expires == nil {
                record.session.recover(try await stored(record.origin).map(KeptSession.Exchange.init(packed:)))
                recovered.append((record, record.end(at: now)))
            } else if let record, let expires {
                sessions.append((record, expires))
            } else {
                logger.error("a session can't be read, and is removed", metadata: ["thing": "\(client.thing)"])
                unreadable.append(client)
            }
        }
        try await database.write { [recovered, unreadable] session in
            for (record, expires) in recovered { try Self.insert(record, expires, in: session) }
            for client in unreadable { try Self.delete(client, in: session) }
        }
        return sessions + recovered
    }

    private func all() async throws -> [(client: MQTTClient, record: SessionRecord?, expires: UInt64?)] {
        try await database.read { session in
            try session.query("SELECT thing, client, tenant, expires, session FROM sessions", []).map { row in
                let expires = try row.value("expires") == nil ? nil : try UInt64(clamping: row.integer("expires"))
                return (try Self.client(in: row), self.record(row), expires)
            }
        }
    }

    func run() async { await commits.run(commit) }

    private func commit(_ parts: [TransactionPart]) async {
        guard !parts.isEmpty else { return }
        do {
            let done = try await database.write { session in try parts.map { try $0.body(session) } }
            for then in done { then() }
        } catch {
            logger.error("sessions not kept", metadata: ["count": "\(parts.count)", "reason": "\(error)"])
            for part in parts { part.failed() }
        }
    }

    private func add(
        failed: @escaping @Sendable () -> Void = {},
        _ body: @escaping @Sendable (any SQLSession) throws -> @Sendable () -> Void
    ) {
        if !commits.add(TransactionPart(body: body, failed: failed)) { failed() }
    }

    // MARK: In a transaction of many

    /// - Parameter expires: nil while a connection has it.
    func put(_ record: SessionRecord, expires: UInt64?, then: @escaping @Sendable (Bool) -> Void) {
        add(failed: { then(false) }) { session in
            try Self.insert(record, expires, in: session)
            return { then(true) }
        }
    }

    /// Reads the session of a client that has come back: from now on a connection has it.
    ///
    /// - Parameter then: with nil, if there is none, or none that can be read.
    func load(
        _ client: MQTTClient,
        then: @escaping @Sendable (Result<SessionRecord?, SessionStoreError>) -> Void
    ) {
        add(failed: { then(.failure(.unavailable)) }) { session in
            let record = try self.read(client, in: session)
            if let record { try Self.insert(record, nil, in: session) }
            return { then(.success(record)) }
        }
    }

    func change(_ client: MQTTClient, expires: UInt64, _ change: @escaping @Sendable (inout SessionRecord) -> Void) {
        add { session in
            if var record = try self.read(client, in: session) {
                change(&record)
                try Self.insert(record, expires, in: session)
            }
            return {}
        }
    }

    func remove(_ client: MQTTClient) {
        add { session in
            try Self.delete(client, in: session)
            return {}
        }
    }

    /// Calls back when what was to be written before is, or can't be.
    func whenWritten(_ then: @escaping @Sendable () -> Void) { add(failed: then) { _ in then } }

    // MARK: SQL

    private static func insert(_ record: SessionRecord, _ expires: UInt64?, in session: any SQLSession) throws {
        try session.insert(
            into: "sessions",
            columns: ["thing", "client", "tenant", "expires", "session"],
            rows: [
                [
                    .id(record.client.thing.value), .text(record.client.clientID.text), .id(record.tenant.value),
                    expires.map { .integer(Int64(clamping: $0)) } ?? .null,
                    .json(String(decoding: try JSONEncoder().encode(StoredSession(record)), as: UTF8.self)),
                ]
            ],
            onConflict: "(thing, client) DO UPDATE SET expires = excluded.expires, session = excluded.session"
        )
    }

    private func read(_ client: MQTTClient, in session: any SQLSession) throws -> SessionRecord? {
        try session.query(
            "SELECT thing, client, tenant, expires, session FROM sessions WHERE thing = $1 AND client = $2",
            [.id(client.thing.value), .text(client.clientID.text)]
        ).first.flatMap(record)
    }

    private static func delete(_ client: MQTTClient, in session: any SQLSession) throws {
        try session.execute(
            "DELETE FROM sessions WHERE thing = $1 AND client = $2",
            [.id(client.thing.value), .text(client.clientID.text)]
        )
    }

    private static func client(in row: SQLRow) throws -> MQTTClient {
        MQTTClient(thing: try row.id("thing", of: Thing.self), clientID: ExactText(try row.text("client")))
    }

    /// Nil if it is none that we know how to read.
    private func record(_ row: SQLRow) -> SessionRecord? {
        guard let client = try? Self.client(in: row), let tenant = try? row.id("tenant", of: Tenant.self),
            let text = try? row.text("session"),
            let stored = try? JSONDecoder().decode(StoredSession.self, from: Data(text.utf8))
        else { return nil }
        return stored.record(of: client, tenant, topics)
    }
}
