import Logging
import Messaging
import Model
import NATSBus
import NIOCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct KeyValueBucketTests {
    private let folder: TemporaryFolder
    private let server: TemporaryNATS
    private let connection: NATSConnection
    private let bucket: KeyValueBucket

    init() throws {
        folder = try TemporaryFolder()
        server = try TemporaryNATS(["--jetstream", "--store_dir", folder.path])
        let logger = Logger(label: "test")
        connection = try NATSConnection(
            NATSConfiguration(servers: [Secret(server.url)]),
            sharesThread: true,
            logger: logger
        )
        bucket = KeyValueBucket(connection, name: "bucket", maximumAge: .seconds(600), logger: logger)
    }

    private func running(_ body: () async throws -> Void) async throws {
        connection.start()
        let watching = Task { [bucket] in await bucket.watch() }
        try await eventually { bucket.outage == nil }
        try await body()
        watching.cancel()
        await watching.value
        connection.close()
    }

    @Test func aValueIsChangedByWhoKnowsTheOneBeforeItAlone() async throws {
        try await running {
            #expect(try await bucket.get("a.b") == nil)
            let first = try await bucket.put(ByteBuffer(string: "one"), for: "a.b", over: 0)
            await #expect(throws: KeyValueBucket.Failure.overtaken) {
                _ = try await bucket.put(ByteBuffer(string: "other"), for: "a.b", over: 0)
            }
            let second = try await bucket.put(ByteBuffer(string: "two"), for: "a.b", over: first)
            await #expect(throws: KeyValueBucket.Failure.overtaken) {
                _ = try await bucket.put(ByteBuffer(string: "other"), for: "a.b", over: first)
            }
            let found = try #require(await bucket.get("a.b"))
            #expect(String(buffer: found.value) == "two" && found.revision == second)
        }
    }

    @Test func whatIsRemovedIsGoneUnlessItWasWrittenAgain() async throws {
        try await running {
            let first = try await bucket.put(ByteBuffer(string: "one"), for: "a.b", over: 0)
            let second = try await bucket.put(ByteBuffer(string: "two"), for: "a.b", over: first)
            try await bucket.remove("a.b", upTo: first)
            #expect(try await bucket.get("a.b")?.revision == second)
            try await bucket.remove("a.b", upTo: second)
            #expect(try await bucket.get("a.b") == nil)
            _ = try await bucket.put(ByteBuffer(string: "three"), for: "a.b", over: 0)
        }
    }

    @Test func keysAreListedBelowAnother() async throws {
        try await running {
            for key in ["a.1", "a.2", "b.1"] { _ = try await bucket.put(ByteBuffer(), for: key, over: 0) }
            #expect(try await bucket.keys(below: "a").sorted() == ["a.1", "a.2"])
            #expect(try await bucket.keys(below: "c") == [])
        }
    }

    @Test func ofManyWhoWriteAtOnceOneIsTheFirst() async throws {
        try await running {
            let count = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<50 {
                    group.addTask { [bucket] in
                        (try? await bucket.put(ByteBuffer(string: "\(number)"), for: "a", over: 0)) != nil
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(count == 1)
        }
    }

    @Test func whatCannotBeAskedSaysSo() async throws {
        await #expect(throws: KeyValueBucket.Failure.self) { try await bucket.get("a") }
        try await running {
            server.kill9()
            try await eventually { !connection.link.isUp }
            await #expect(throws: KeyValueBucket.Failure.self) { try await bucket.get("a") }
        }
    }
}
