import Model
import SQL
import TestSupport
import Testing

/// What every database does, whichever engine it is.
@Suite struct DatabaseContract {
    private static let schema = Migration("tests_1") { dialect in
        [
            "CREATE TABLE parents (id \(dialect.idType) PRIMARY KEY, name TEXT UNIQUE, number BIGINT)",
            "CREATE TABLE children (parent \(dialect.idType) NOT NULL REFERENCES parents (id))",
        ]
    }

    private func open(_ engine: SQLEngine) async throws -> any SQLDatabase {
        let database = try await engine.database()
        try await database.migrate([Self.schema])
        return database
    }

    @Test(arguments: SQLEngine.available)
    func bindsByNumberHoweverOftenAndInWhateverOrder(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        let row = try await database.read { session in
            try session.query(
                "SELECT $2 AS second, $1 AS first, $2 || $1 AS both, '$1' AS quoted, $3 AS third",
                [.text("a"), .text("b"), .null]
            ).first
        }

        #expect(try row?.text("first") == "a")
        #expect(try row?.text("second") == "b")
        #expect(try row?.text("both") == "ba")
        #expect(try row?.text("quoted") == "$1")
        #expect(try row?.value("third") == nil)
    }

    @Test(arguments: SQLEngine.available)
    func manyParametersKeepTheirNumbers(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        let row = try await database.read { session in
            let sum = (1...12).map { "$\($0) * \($0)" }.joined(separator: " + ")
            return try session.query("SELECT \(sum) AS total", (1...12).map { .integer($0) }).first
        }

        #expect(try row?.integer("total") == (1...12).map { $0 * $0 }.reduce(0, +))
    }

    @Test(arguments: SQLEngine.available, [[], [.integer(1), .integer(2)]] as [[SQLValue]])
    func refusesAnotherNumberOfValues(_ engine: SQLEngine, _ values: [SQLValue]) async throws {
        let database = try await open(engine)
        await #expect(throws: SQLError.self) {
            try await database.read { session in try session.query("SELECT $1 AS one", values).count }
        }
    }

    @Test(arguments: SQLEngine.available)
    func everyKindOfValueComesBack(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        let id = UniqueID.random()
        let row = try await database.read { session in
            try session.query(
                "SELECT $1 AS id, $2 AS number, $3 AS bytes, $4 AS json",
                [.id(id), .integer(.min), .blob([0, 255]), .json(#"{"a":1}"#)]
            ).first
        }

        #expect(try row?.id("id", of: Thing.self).value == id)
        #expect(try row?.integer("number") == .min)
        #expect(try row?.blob("bytes") == [0, 255])
        #expect(try row?.text("json") == #"{"a":1}"#)
        #expect(throws: SQLError.self) { try row?.integer("bytes") }
        #expect(throws: SQLError.self) { try row?.text("missing") }
    }

    @Test(arguments: SQLEngine.available)
    func aBodyThatThrowsLeavesNothing(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        struct Refusal: Error {}

        await #expect(throws: Refusal.self) {
            try await database.write { session in
                try session.insert(into: "parents", columns: ["id", "name"], rows: [[.id(.random()), .text("a")]])
                throw Refusal()
            }
        }

        #expect(try await database.count("parents") == 0)
    }

    @Test(arguments: SQLEngine.available)
    func whatNobodyWaitsForIsDoneInItsTurn(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        let id = UniqueID.random()

        let seen = try await database.write { session in
            try session.run("INSERT INTO parents (id, name, number) VALUES ($1, 'a', 1)", [.id(id)])
            try session.run("UPDATE parents SET number = number + 1", [])
            let seen = try session.query("SELECT number FROM parents", []).first?.integer("number")
            try session.run("UPDATE parents SET number = number * 10", [])
            return seen
        }

        let kept = try await database.read { session in
            try session.query("SELECT number FROM parents", []).first?.integer("number")
        }
        #expect(seen == 2)
        #expect(kept == 20)
    }

    @Test(arguments: SQLEngine.available, [true, false])
    func whatFailsWhileNobodyWaitsLeavesNothing(_ engine: SQLEngine, beforeAQuery: Bool) async throws {
        let database = try await open(engine)
        let code = await code {
            try await database.write { session in
                for _ in 0..<2 { try session.run("INSERT INTO parents (id, name) VALUES ($1, 'a')", [.id(.random())]) }
                if beforeAQuery { _ = try? session.query("SELECT 1 AS one", []) }
                try session.run("UPDATE parents SET number = 1", [])
            }
        }

        #expect(code == .uniqueViolation)
        #expect(try await database.count("parents") == 0)
    }

    @Test(arguments: SQLEngine.available)
    func aReadThatAsksOnceIsAnswered(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        for number in 0..<3 as Range<Int64> {
            let one = try await database.read(once: true) { session in
                try session.query("SELECT $1 + 1 AS next", [.integer(number)]).first?.integer("next")
            }
            #expect(one == number + 1)
        }
    }

    @Test(arguments: SQLEngine.available)
    func anInsertThatFailsHalfWayLeavesNothing(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        let rows = (0..<1000).map { [SQLValue.id(.random()), .text($0 == 999 ? "0" : "\($0)")] }

        await #expect(throws: SQLError.self) {
            try await database.write { try $0.insert(into: "parents", columns: ["id", "name"], rows: rows) }
        }

        #expect(try await database.count("parents") == 0)
    }

    @Test(arguments: SQLEngine.available, [1, 2, 3, 127, 128, 129, 40_000])
    func insertsAnyNumberOfRows(_ engine: SQLEngine, _ number: Int) async throws {
        let database = try await open(engine)
        let rows = (0..<number).map { [SQLValue.id(.random()), .text("\($0)"), .integer(Int64($0))] }

        try await database.write { try $0.insert(into: "parents", columns: ["id", "name", "number"], rows: rows) }

        let row = try await database.read { session in
            try session.query("SELECT COUNT(*) AS count, CAST(SUM(number) AS BIGINT) AS sum FROM parents", []).first
        }
        #expect(try row?.integer("count") == Int64(number))
        #expect(try row?.integer("sum") == Int64((0..<number).reduce(0, +)))
    }

    @Test(arguments: SQLEngine.available)
    func anInsertMayUpdateWhatIsThere(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        let row: [SQLValue] = [.id(.random()), .text("a"), .integer(2)]
        try await database.write { session in
            for _ in 0..<3 {
                try session.insert(
                    into: "parents",
                    columns: ["id", "name", "number"],
                    rows: [row],
                    onConflict: "(name) DO UPDATE SET number = parents.number + excluded.number"
                )
            }
        }

        let number = try await database.read { try $0.query("SELECT number FROM parents", []).first?.integer("number") }
        #expect(number == 6)
    }

    @Test(arguments: SQLEngine.available)
    func violationsAreToldApart(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        let id = UniqueID.random()
        try await database.insertParent(id, "a")

        await #expect(throws: SQLError.self, "name") { try await database.insertParent(.random(), "a") }
        #expect(await code { try await database.insertParent(.random(), "a") } == .uniqueViolation)
        #expect(await code { try await database.insertParent(id, "b") } == .uniqueViolation)
        let orphan = await code {
            try await database.write { session in
                try session.execute("INSERT INTO children VALUES ($1)", [.id(.random())])
            }
        }
        #expect(orphan == .foreignKeyViolation)
        let nonsense = await code { try await database.write { try $0.execute("SELEKT", []) } }
        #expect(nonsense == .failed)
    }

    @Test(arguments: SQLEngine.available)
    func changesAreCounted(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        let rows = (0..<5).map { [SQLValue.id(.random()), .text("\($0)")] }
        let changed = try await database.write { session in
            try session.insert(into: "parents", columns: ["id", "name"], rows: rows)
            return try session.execute("DELETE FROM parents WHERE name < $1", [.text("3")])
        }

        #expect(changed == 3)
    }

    @Test(arguments: SQLEngine.available)
    func manyIDsAreOneParameter(_ engine: SQLEngine) async throws {
        let database = try await open(engine)
        let ids = (0..<50_000).map { _ in Thing.ID.random() }
        for id in ids.prefix(3) { try await database.insertParent(id.value, "\(id)") }
        try await database.insertParent(.random(), "another")

        let found = try await database.read { session in
            let condition = session.dialect.idIsAmong("id", "$1")
            return try session.query("SELECT id FROM parents WHERE \(condition) ORDER BY id", [.ids(ids)])
        }

        #expect(try found.map { try $0.id("id", of: Thing.self) } == ids.prefix(3).sorted())
    }

    static let searches = [
        ("100% Wolle", "0% w", true), ("100 Wolle", "0% w", false), ("a_b", "_", true), ("ab", "_", false),
        (#"a\b"#, #"\"#, true), ("ÄRGER", "ärg", true), ("ΣΊΣΥΦΟΣ", "σίσ", true), ("a", "", true),
        ("it's", "t's", true),
    ]

    @Test(arguments: SQLEngine.available, searches)
    func textIsFoundWithoutLetterCaseAndWildcards(
        _ engine: SQLEngine,
        _ search: (text: String, part: String, isFound: Bool)
    ) async throws {
        let row = try await open(engine).read { session in
            try session.query(
                "SELECT \(session.dialect.textContains("$1", "$2")) AS found",
                [.text(search.text), .text(search.part)]
            )
            .first
        }

        #expect(try row?.integer("found") == (search.isFound ? 1 : 0))
    }
}

extension SQLDatabase {
    fileprivate func insertParent(_ id: UniqueID, _ name: String) async throws {
        try await write { session in
            try session.insert(into: "parents", columns: ["id", "name"], rows: [[.id(id), .text(name)]])
        }
    }

    fileprivate func count(_ table: String) async throws -> Int64? {
        try await read { try $0.query("SELECT COUNT(*) AS count FROM \(table)", []).first?.integer("count") }
    }
}
