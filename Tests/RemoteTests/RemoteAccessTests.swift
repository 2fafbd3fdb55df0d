import AdaptersRemote
import Logging
import Messaging
import Model
import NIOCore
import NIOPosix
import RPCSupport
import TLSSupport
import TestSupport
import Testing
import ThingsCore
import ThingsRPC

/// The access questions of adapters, over real gRPC connections.
@Suite(.timeLimit(.minutes(1))) struct RemoteAccessTests {
    private let store = InMemoryThings()
    private let tenant = Tenant.ID.random()

    /// In batches over a stream, or by the contract's calls where the service knows nothing else.
    @Test(arguments: [true, false]) func theAnswersAreThoseOfTheService(hasStream: Bool) async throws {
        let thing = Thing(id: .random(), tenant: tenant, key: .random(), name: "", metadata: [:])
        let identity = ThingIdentity(thing: thing.id, tenant: tenant)
        let (connected, other) = (Channel.ID.random(), Channel.ID.random())
        try await store.repositories.things.add([thing])
        try await store.repositories.channels.add(
            [connected, other].map { Channel(id: $0, tenant: tenant, name: "", metadata: [:]) }
        )
        try await store.connect(try Connections(things: [thing.id], channels: [connected]), of: tenant)

        try await serving(hasStream: hasStream) { port in
            try await asking(port) { access in
                let stranger = ThingIdentity(thing: .random(), tenant: tenant)
                let answers = await access.decide([
                    .key(thing.key), .use(identity, connected), .use(identity, other), .use(stranger, connected),
                    .key(.random()),
                ])
                #expect(answers.map { try? $0.get() } == [identity, identity, nil, nil, nil])
                #expect(answers.allSatisfy { if case .success = $0 { true } else { false } })
            }
        }
    }

    @Test func manyBatchesAtATimeAreAnsweredEach() async throws {
        let things = (0..<60).map { number in
            Thing(id: .random(), tenant: tenant, key: .random(), name: "\(number)", metadata: [:])
        }
        try await store.repositories.things.add(things)
        try await serving { port in
            try await asking(port, timeout: .seconds(30)) { access in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for start in 0..<40 {
                        let some = Array(things[start...].prefix(20))
                        group.addTask {
                            let answers = await access.decide(some.map { .key($0.key) })
                            let found = try answers.map { try $0.get()?.thing }
                            #expect(found == some.map(\.id))
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    private func isUnavailable(_ access: RemoteAccess) async -> Bool {
        let answers = await access.decide([.key(.random()), .use(.init(thing: .random(), tenant: tenant), .random())])
        return answers.count == 2 && answers.allSatisfy { if case .failure = $0 { true } else { false } }
    }

    @Test func anOutageIsNoRefusal() async throws {
        let port = try await serving { $0 }
        try await asking(port) { access in
            #expect(await isUnavailable(access))
            #expect(await isUnavailable(access))
        }
    }

    @Test func aServiceThatComesLaterIsFound() async throws {
        let port = try await serving { $0 }
        try await asking(port) { access in
            #expect(await isUnavailable(access))
            try await serving(on: port) { _ in
                try await eventually { await !isUnavailable(access) }
            }
            try await eventually { await isUnavailable(access) }
            try await serving(on: port) { _ in
                try await eventually { await !isUnavailable(access) }
            }
        }
    }

    @Test func withTLSOnlyTheRightAuthorityIsTrusted() async throws {
        let folder = try TemporaryFolder()
        let authority = try TestAuthority(folder)
        let stranger = try TestAuthority(folder, name: "Stranger")
        let pair = try authority.sign(["localhost"], purpose: .server)
        let tls = try ServerTLS(
            certificate: pair.certificatePath,
            key: pair.keyPath,
            clientAuthorities: nil
        )
        try await serving(tls: tls) { port in
            try await asking(port, host: "localhost", .authorities(authority.path)) { access in
                #expect(await !isUnavailable(access))
            }
            try await asking(port, host: "localhost", .authorities(stranger.path)) { access in
                #expect(await isUnavailable(access))
            }
            try await asking(port, host: "localhost", .plain) { access in
                #expect(await isUnavailable(access))
            }
        }
    }

    // MARK: Both ends

    @discardableResult
    private func serving<Value: Sendable>(
        on port: Int = 0,
        tls: ServerTLS? = nil,
        hasStream: Bool = true,
        _ body: @Sendable @escaping (Int) async throws -> Value
    ) async throws -> Value {
        let things = ThingsService(
            repositories: store.repositories,
            users: InMemoryUsers([:]),
            publisher: EventLog()
        )
        let (ports, opened) = AsyncStream.makeStream(of: Int.self)
        let listener = try RPCListener(
            "things-grpc",
            on: ListenAddress(host: "127.0.0.1", port: port),
            tls: tls,
            services: hasStream
                ? [ThingsRPCService(things), AccessRPCService(things)] : [ThingsRPCService(things)],
            group: .singleton,
            logger: Logger(label: "test"),
            onListening: { opened.yield($0.port) }
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await listener.run() }
            defer { group.cancelAll() }
            let port = try #require(await ports.first { _ in true })
            return try await body(port)
        }
    }

    @discardableResult
    private func asking<Value: Sendable>(
        _ port: Int,
        host: String = "127.0.0.1",
        _ trust: RPCClient.Trust = .plain,
        timeout: Duration = .seconds(2),
        _ body: @Sendable (RemoteAccess) async throws -> Value
    ) async throws -> Value {
        let rpc = try RPCClient(
            RPCTarget(host: host, port: port),
            trust: trust,
            timeout: timeout
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let access = RemoteAccess(rpc)
            group.addTask { try? await rpc.run() }
            group.addTask { await access.run() }
            defer { group.cancelAll() }
            return try await body(access)
        }
    }
}
