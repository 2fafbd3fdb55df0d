internal import SQL

enum ThingsSchema {
    static let migrations = [
        Migration("things_1") { dialect in
            let id = dialect.idType, json = dialect.jsonType, blob = dialect.blobType
            return [
                """
                CREATE TABLE things (
                    id \(id) NOT NULL PRIMARY KEY,
                    tenant_id \(id) NOT NULL,
                    secret_id \(blob) NOT NULL,
                    key_digest \(blob) NOT NULL,
                    key_sealed \(blob) NOT NULL,
                    name TEXT NOT NULL,
                    metadata \(json) NOT NULL,
                    revision BIGINT NOT NULL,
                    UNIQUE (tenant_id, id),
                    UNIQUE (key_digest)
                )
                """,
                """
                CREATE TABLE channels (
                    id \(id) NOT NULL PRIMARY KEY,
                    tenant_id \(id) NOT NULL,
                    name TEXT NOT NULL,
                    metadata \(json) NOT NULL,
                    revision BIGINT NOT NULL,
                    UNIQUE (tenant_id, id)
                )
                """,
                // The tenant is part of both foreign keys, so nothing can join what two tenants own.
                """
                CREATE TABLE connections (
                    tenant_id \(id) NOT NULL,
                    channel_id \(id) NOT NULL,
                    thing_id \(id) NOT NULL,
                    PRIMARY KEY (tenant_id, channel_id, thing_id),
                    FOREIGN KEY (tenant_id, channel_id) REFERENCES channels (tenant_id, id) ON DELETE CASCADE,
                    FOREIGN KEY (tenant_id, thing_id) REFERENCES things (tenant_id, id) ON DELETE CASCADE
                )\(dialect == .sqlite ? " WITHOUT ROWID" : "")
                """,
                "CREATE INDEX connections_by_thing ON connections (thing_id, channel_id, tenant_id)",
            ]
                + ["thing_counts", "channel_counts"].map { table in
                    """
                    CREATE TABLE \(table) (
                        tenant_id \(id) NOT NULL,
                        bucket BIGINT NOT NULL,
                        count BIGINT NOT NULL,
                        PRIMARY KEY (tenant_id, bucket)
                    )\(dialect == .sqlite ? " WITHOUT ROWID" : "")
                    """
                }
        },
        Migration("things_2") { dialect in
            [
                """
                CREATE TABLE outbox (
                    number \(dialect.serialType),
                    event TEXT NOT NULL,
                    trace TEXT NOT NULL
                )
                """,
                "CREATE TABLE outbox_relay (newest BIGINT NOT NULL)",
                "INSERT INTO outbox_relay (newest) VALUES (0)",
            ]
        },
    ]
}
