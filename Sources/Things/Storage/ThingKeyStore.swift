internal import Model
internal import SQL
internal import ThingsCore

/// Thing keys between their sealer and their columns.
struct ThingKeyStore: Sendable {
    static let columns = ["secret_id", "key_digest", "key_sealed"]

    let sealer: ThingKeySealer

    func values(of key: ThingKey, for thing: Thing.ID) throws -> [SQLValue] {
        let sealed = try sealer.seal(key, for: thing)
        return [.blob(sealed.secretID), .blob(sealed.digest), .blob(sealed.ciphertext)]
    }

    func key(of thing: Thing.ID, in row: SQLRow) throws -> ThingKey {
        let sealed = try SealedKey(
            secretID: row.blob("secret_id"),
            digest: row.blob("key_digest"),
            ciphertext: row.blob("key_sealed")
        )
        return try sealer.open(sealed, for: thing)
    }

    /// Throws ``ThingsError/keyInUse`` if a key is in use under an older secret: the index sees the current one only.
    func refuseOlderDuplicates(of keys: [ThingKey], in session: any SQLSession) throws {
        for key in keys {
            for digest in sealer.digests(of: key).dropFirst() {
                let found = try session.query("SELECT id FROM things WHERE key_digest = $1", [.blob(digest)])
                guard found.isEmpty else { throw ThingsError.keyInUse }
            }
        }
    }

    /// Puts every key under the current secret, some at a time, so that requests get between.
    func renew(in database: any SQLDatabase) async throws {
        var last: Thing.ID? = Thing.ID(UniqueID(high: 0, low: 0))
        while let after = last {
            last = try await database.write { session in try renew(after: after, in: session) }
        }
    }

    /// Answers the last of those renewed, or nil if there were none.
    private func renew(after last: Thing.ID, in session: any SQLSession) throws -> Thing.ID? {
        let sql = """
            SELECT id, secret_id, key_digest, key_sealed FROM things
            WHERE id > $1 AND secret_id <> $2 ORDER BY id LIMIT 500
            """
        var renewed: Thing.ID?
        for row in try session.query(sql, [.id(last.value), .blob(sealer.currentSecretID)]) {
            let thing = try row.id("id", of: Thing.self)
            let values = try values(of: key(of: thing, in: row), for: thing)
            try session.execute(
                "UPDATE things SET secret_id = $2, key_digest = $3, key_sealed = $4 WHERE id = $1",
                [.id(thing.value)] + values
            )
            renewed = thing
        }
        return renewed
    }
}
