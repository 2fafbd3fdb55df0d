import Model
import Synchronization
import TestSupport
import Testing
import ThingsCore

/// Every change and its events are committed together, and told in order, at least once.
@Suite struct OutboxContract {
    private let tenant = Tenant.ID.random()

    /// What was told in one round.
    private final class Told: Sendable {
        private let rounds = Mutex<[OutboxRound]>([])
        var events: [OutboxEvent] { rounds.withLock { $0.flatMap(\.events) } }
        var last: OutboxRound? { rounds.withLock { $0.last } }
        func append(_ round: OutboxRound) { rounds.withLock { $0.append(round) } }
    }

    private func relay(_ repositories: ThingsRepositories, into told: Told) async throws {
        while try await !repositories.outbox.relay({ told.append($0) }) {}
    }

    @Test(arguments: Backend.allCases)
    func everyChangeIsToldOnceAndInOrder(backend: Backend) async throws {
        let repositories = try await backend.repositories()
        let (thing, channel) = (Thing.sample(of: tenant), Channel.sample(of: tenant))
        let pair = try Connections(things: [thing.id], channels: [channel.id])
        let all: [ThingsEvent] = [
            .thingRemoved(.random()), .channelRemoved(.random()), .connected(pair.pairs[0]), .thingKeyChanged(thing.id),
            .channelUpdated(channel.id, try Details(name: "a", metadata: [:])), .disconnected(pair.pairs[0]),
            .thingRemoved(thing.id), .channelRemoved(channel.id), .tenantRemoved(tenant),
        ]
        try await repositories.things.add([thing], telling: [all[0]])
        try await repositories.channels.add([channel], telling: [all[1]])
        try await repositories.connections.connect(pair, of: tenant, telling: [all[2]])
        try await repositories.things.change(thing.id, .key(.random()), if: .none, of: tenant, telling: [all[3]])
        let details = try Details(name: "a", metadata: [:])
        try await repositories.channels.change(channel.id, details, if: .none, of: tenant, telling: [all[4]])
        try await repositories.connections.disconnect(pair, of: tenant, telling: [all[5]])
        #expect(try await repositories.things.remove(thing.id, if: .none, of: tenant, telling: [all[6]]))
        #expect(try await repositories.channels.remove(channel.id, if: .none, of: tenant, telling: [all[7]]))
        _ = try await repositories.connections.removeAll(of: tenant, telling: [all[8]])

        let told = Told()
        try await relay(repositories, into: told)
        #expect(told.events.map(\.members) == all.map(\.members))
        #expect(told.events.map(\.after) == [0] + told.events.dropLast().map(\.position))
        #expect(told.last?.newest == told.events.last?.position && told.last?.isAll == true)

        try await relay(repositories, into: told)
        #expect(told.events.count == all.count)
        #expect(told.last?.newest == told.events.last?.position)
    }

    @Test(arguments: Backend.allCases)
    func whatDoesNotHappenIsNotTold(backend: Backend) async throws {
        let repositories = try await backend.repositories()
        let thing = Thing.sample(of: tenant)
        try await repositories.things.add([thing])
        let pair = try Connections(things: [thing.id], channels: [.random()])
        let event = ThingsEvent.thingRemoved(thing.id)
        await #expect(throws: ThingsError.keyInUse) {
            try await repositories.things.add([.sample(of: tenant, key: thing.key)], telling: [event])
        }
        await #expect(throws: ThingsError.notFound) {
            try await repositories.connections.connect(pair, of: tenant, telling: [event])
        }
        await #expect(throws: ThingsError.notFound) {
            try await repositories.connections.disconnect(pair, of: tenant, telling: [event])
        }
        await #expect(throws: ThingsError.notFound) {
            try await repositories.things.change(.random(), .key(.random()), if: .none, of: tenant, telling: [event])
        }
        #expect(try await !repositories.things.remove(.random(), if: .none, of: tenant, telling: [event]))
        #expect(try await !repositories.channels.remove(.random(), if: .none, of: tenant, telling: [event]))
        let told = Told()
        try await relay(repositories, into: told)
        #expect(told.events.isEmpty && told.last?.newest == 0)
    }

    @Test(arguments: Backend.allCases)
    func whatCouldNotBeToldIsToldLater(backend: Backend) async throws {
        struct Lost: Error {}
        let repositories = try await backend.repositories()
        try await repositories.things.add([.sample(of: tenant)], telling: [.thingRemoved(.random())])
        let (lost, told) = (Told(), Told())
        await #expect(throws: Lost.self) {
            try await repositories.outbox.relay { round in
                lost.append(round)
                throw Lost()
            }
        }
        try await repositories.things.add([.sample(of: tenant)], telling: [.thingRemoved(.random())])
        try await relay(repositories, into: told)
        #expect(lost.events.count == 1 && told.events.count == 2)
        #expect(told.events.first?.members == lost.events.first?.members)
        #expect(told.events.first?.after == 0)
        // Or who heard it the first time would take it for the same log.
        #expect(told.events.first?.position != lost.events.first?.position)
    }

    @Test(arguments: Backend.allCases)
    func manyAreToldInOrder(backend: Backend) async throws {
        let repositories = try await backend.repositories()
        let ids = (0..<1_300).map { _ in Thing.ID.random() }
        try await repositories.things.add([.sample(of: tenant)], telling: ids.map { .thingRemoved($0) })
        let told = Told()
        try await relay(repositories, into: told)
        #expect(told.events.map { $0.members["id"] } == ids.map { .string("\($0)") })
        #expect(told.events.map(\.after) == [0] + told.events.dropLast().map(\.position))
    }

    @Test(arguments: Backend.allCases)
    func severalWhoRelayTellEachEventOnce(backend: Backend) async throws {
        let repositories = try await backend.repositories()
        let told = Told()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<10 {
                        try await repositories.things.add(
                            [.sample(of: self.tenant)],
                            telling: [.thingRemoved(.random()), .channelRemoved(.random())]
                        )
                        try await self.relay(repositories, into: told)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(told.events.count == 80)
        #expect(told.events.map(\.after) == [0] + told.events.dropLast().map(\.position))
    }
}
