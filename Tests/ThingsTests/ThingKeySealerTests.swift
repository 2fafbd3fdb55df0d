import Model
import SQL
import TestSupport
import Testing
import ThingsCore
import ThingsStorage

@Suite struct ThingKeySealerTests {
    let sealer = ThingKeySealer(secret: Secret("the secret"))
    let thing = Thing.ID.random()
    let key = ThingKey.random()

    @Test func opensWhatItSealed() throws {
        let sealed = try sealer.seal(key, for: thing)

        #expect(try sealer.open(sealed, for: thing) == key)
        #expect(sealer.digests(of: key) == [sealed.digest])
    }

    @Test func theKeyCannotBeReadFromWhatIsStored() throws {
        let (one, other) = (try sealer.seal(key, for: thing), try sealer.seal(key, for: thing))

        #expect(one.ciphertext != other.ciphertext)
        #expect(one.digest == other.digest)
        #expect(one.ciphertext.count == 12 + key.secret.revealed.utf8.count + 16)
        for stored in [one.secretID, one.digest, one.ciphertext] {
            #expect(!stored.contains(Array(key.secret.revealed.utf8).prefix(8)))
        }
    }

    @Test func aCiphertextIsGoodForItsThingOnlyAndOnlyWhole() throws {
        let sealed = try sealer.seal(key, for: thing)
        #expect(throws: ThingKeySealer.Failure.damaged) { try sealer.open(sealed, for: .random()) }

        for position in sealed.ciphertext.indices {
            var bytes = sealed.ciphertext
            bytes[position] ^= 1
            let changed = SealedKey(secretID: sealed.secretID, digest: sealed.digest, ciphertext: bytes)
            #expect(throws: ThingKeySealer.Failure.damaged) { try sealer.open(changed, for: thing) }
        }
        for length in 0..<sealed.ciphertext.count {
            let cut = Array(sealed.ciphertext.prefix(length))
            let changed = SealedKey(secretID: sealed.secretID, digest: sealed.digest, ciphertext: cut)
            #expect(throws: ThingKeySealer.Failure.damaged) { try sealer.open(changed, for: thing) }
        }
    }

    @Test func anotherSecretOpensNothingUnlessItKnowsTheOlder() throws {
        let sealed = try sealer.seal(key, for: thing)
        let stranger = ThingKeySealer(secret: Secret("another secret"))
        let successor = ThingKeySealer(secret: Secret("another secret"), olderSecrets: [Secret("the secret")])

        #expect(throws: ThingKeySealer.Failure.unknownSecret) { try stranger.open(sealed, for: thing) }
        #expect(try successor.open(sealed, for: thing) == key)
        #expect(stranger.digests(of: key) != sealer.digests(of: key))
        #expect(successor.digests(of: key) == stranger.digests(of: key) + sealer.digests(of: key))
    }
}

/// Changing the secret of a database that is in use.
@Suite struct SecretChangeTests {
    let database: TemporarySQLite
    let tenant = Tenant.ID.random()
    let things: [Thing]

    init() async throws {
        let tenant = tenant
        self.database = try TemporarySQLite()
        self.things = (0..<1200).map { _ in Thing.sample(of: tenant) }
        let before = ThingsDatabase(database, sealer: ThingKeySealer(secret: Secret("old")), relaysEvents: true)
        try await before.prepare()
        try await before.repositories.things.add(things)
    }

    @Test func everyKeyMovesToTheNewSecret() async throws {
        let during = ThingKeySealer(secret: Secret("new"), olderSecrets: [Secret("old")])
        try await ThingsDatabase(database, sealer: during, relaysEvents: true).prepare()

        let after = ThingsDatabase(database, sealer: ThingKeySealer(secret: Secret("new")), relaysEvents: true)
        try await after.prepare()
        for thing in [things[0], things[600], things[1199]] {
            #expect(try await after.repositories.things.find(thing.id, of: tenant)?.value == thing)
            #expect(try await after.repositories.access.identify(thing.key)?.thing == thing.id)
        }
    }

    @Test func keysUnderTheOlderSecretWorkAndStayTaken() async throws {
        let sealer = ThingKeySealer(secret: Secret("new"), olderSecrets: [Secret("old")])
        let during = ThingsDatabase(database, sealer: sealer, relaysEvents: true).repositories
        let new = Thing.sample(of: tenant)
        try await during.things.add([new])

        #expect(try await during.access.identify(things[0].key)?.thing == things[0].id)
        await #expect(throws: ThingsError.keyInUse) {
            try await during.things.add([.sample(of: tenant, key: things[0].key)])
        }
        await #expect(throws: ThingsError.keyInUse) {
            try await during.things.change(new.id, .key(things[0].key), if: .none, of: tenant)
        }
    }

    @Test func aProgramThatKnowsOnlyAnotherSecretDoesNotStart() async throws {
        let stranger = ThingsDatabase(database, sealer: ThingKeySealer(secret: Secret("new")), relaysEvents: true)

        await #expect(throws: ThingKeySealer.Failure.unknownSecret) { try await stranger.prepare() }
    }

    @Test func noKeyIsStoredInClear() async throws {
        let keys = Dictionary(uniqueKeysWithValues: things.map { ($0.id, Array($0.key.secret.revealed.utf8)) })
        let rows = try await database.read { try $0.query("SELECT id, key_digest, key_sealed FROM things", []) }

        #expect(rows.count == things.count)
        for row in rows {
            let key = try #require(keys[row.id("id", of: Thing.self)])
            #expect(try !row.blob("key_digest").contains(key))
            #expect(try !row.blob("key_sealed").contains(key))
        }
    }
}
