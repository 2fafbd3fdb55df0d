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

    @Test func theAnswersAreThoseOfTheService() async throws {
        let thing = Thing(id: .random(), tenant: tenant, key: .random(), name: "", metadata: [:])
        let (connected, other) = (Channel.ID.random(), Channel.ID.random())
        try await store.repositories.things.add([thing])
        try await store.repositories.channels.add(
            [connected, other].map { Channel(id: $0, tenant: tenant, name: "", metadata: [:]) }
        )
        try await store.connect(try Connections(things: [thing.id], channels: [connected]), of: tenant)

        try await serving { port in
            try await asking(port) { access in
                let identity = try await access.identify(thing.key)
                #expect(identity == ThingIdentity(thing: thing.id, tenant: tenant))
                let answers = [
                    try await access.canAccess(thing.id, connected), try await access.canAccess(thing.id, other),
                    try await access.canAccess(.random(), connected),
                ]
                #expect(answers == [true, false, false])
                let nobody = try await access.identify(.random())
                #expect(nobody == nil)
            }
        }
    }

    @Test func anOutageIsNoRefusal() async throws {
        let port = try await serving { $0 }
        try await asking(port) { access in
            await #expect(throws: AccessUnavailable.self) { try await access.identify(.random()) }
            await #expect(throws: AccessUnavailable.self) { try await access.canAccess(.random(), .random()) }
        }
    }

    @Test func aServiceThatComesLaterIsFound() async throws {
        let port = try await serving { $0 }
        try await asking(port) { access in
            await #expect(throws: AccessUnavailable.self) { try await access.identify(.random()) }
            try await serving(on: port) { _ in
                try await eventually {
                    do { return try await access.identify(.random()) == nil } catch { return false }
                }
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
                let nobody = try await access.identify(.random())
                #expect(nobody == nil)
            }
            try await asking(port, host: "localhost", .authorities(stranger.path)) { access in
                await #expect(throws: AccessUnavailable.self) { try await access.identify(.random()) }
            }
            try await asking(port, host: "localhost", .plain) { access in
                await #expect(throws: AccessUnavailable.self) { try await access.identify(.random()) }
            }
        }
    }

    // MARK: Both ends

    @discardableResult
    private func serving<Value: Sendable>(
        on port: Int = 0,
        tls: ServerTLS? = nil,
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
            services: [ThingsRPCService(things)],
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
        _ body: @Sendable (RemoteAccess) async throws -> Value
    ) async throws -> Value {
        let rpc = try RPCClient(
            RPCTarget(host: host, port: port),
            trust: trust,
            timeout: .seconds(2)
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await rpc.run() }
            defer { group.cancelAll() }
            return try await body(RemoteAccess(rpc))
        }
    }
}
