import Model
import Synchronization
import TestSupport
import Testing
import ThingsCore

/// What a tenant may own is an exact number, however many create at once and wherever.
@Suite struct TenantLimitContract {
    let mine = Tenant.ID.random()
    let theirs = Tenant.ID.random()

    static let cases = Backend.allCases.flatMap { backend in [Owned.things, .channels].map { (backend, $0) } }

    @Test(arguments: cases)
    func beyondTheLimitNothingIsCreatedOrTold(_ backend: Backend, _ owned: Owned) async throws {
        let repositories = try await backend.repositories(limits: TenantLimits(things: 3, channels: 3))
        try await repositories.add(2, owned, of: mine)

        for count in [2, 1_000] {
            await #expect(throws: ThingsError.limitReached(owned, 3)) {
                try await repositories.add(count, owned, of: mine, telling: [.thingRemoved(.random())])
            }
        }
        #expect(try await repositories.count(owned, of: mine) == 2)
        let told = Mutex(0)
        _ = try await repositories.outbox.relay { round in told.withLock { $0 += round.events.count } }
        #expect(told.withLock { $0 } == 0)

        try await repositories.add(1, owned, of: mine)
        await #expect(throws: ThingsError.limitReached(owned, 3)) { try await repositories.add(1, owned, of: mine) }
        #expect(try await repositories.count(owned, of: mine) == 3)
    }

    @Test(arguments: cases)
    func theLimitIsEachTenantsOwnAndOfThatKindOnly(_ backend: Backend, _ owned: Owned) async throws {
        let limits = owned == .things ? TenantLimits(things: 2) : TenantLimits(channels: 2)
        let repositories = try await backend.repositories(limits: limits)
        try await repositories.add(2, owned, of: mine)

        try await repositories.add(5, owned == .things ? .channels : .things, of: mine)
        try await repositories.add(2, owned, of: theirs)

        await #expect(throws: ThingsError.limitReached(owned, 2)) { try await repositories.add(1, owned, of: theirs) }
    }

    @Test(arguments: cases)
    func whatIsRemovedMakesRoom(_ backend: Backend, _ owned: Owned) async throws {
        let repositories = try await backend.repositories(limits: TenantLimits(things: 3, channels: 3))
        try await repositories.add(3, owned, of: mine)

        try await repositories.removeOne(owned, of: mine)
        try await repositories.add(1, owned, of: mine)
        await #expect(throws: ThingsError.limitReached(owned, 3)) { try await repositories.add(1, owned, of: mine) }

        #expect(try await repositories.connections.removeAll(of: mine))
        try await repositories.add(3, owned, of: mine)
    }

    @Test(arguments: cases)
    func thePlacesAreGivenOutOnceHoweverManyCreateAtOnce(_ backend: Backend, _ owned: Owned) async throws {
        let (one, other) = try await backend.twoCopies(limits: TenantLimits(things: 60, channels: 60))
        let tenants = [mine, theirs]

        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<16 {
                let (repositories, tenant) = (number % 2 == 0 ? one : other, tenants[number / 2 % 2])
                group.addTask {
                    // The last places go to those who ask for one.
                    for count in [3, 2, 1] { try await repositories.fill(owned, of: tenant, by: count) }
                }
            }
            try await group.waitForAll()
        }

        for tenant in tenants { #expect(try await other.count(owned, of: tenant) == 60) }
    }

    @Test(arguments: Backend.allCases)
    func removalsAtTheSameTimeGiveBackWhatTheyFree(_ backend: Backend) async throws {
        let (one, other) = try await backend.twoCopies(limits: TenantLimits(things: 6))

        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                let things = (number % 2 == 0 ? one : other).things
                group.addTask {
                    for _ in 0..<15 {
                        let thing = Thing.sample(of: self.mine)
                        do {
                            try await things.add([thing])
                        } catch ThingsError.limitReached {
                            continue
                        }
                        #expect(try await things.remove(thing.id, if: .none, of: self.mine))
                    }
                }
            }
            try await group.waitForAll()
        }

        try await one.fill(.things, of: mine, by: 1)
        #expect(try await other.count(.things, of: mine) == 6)
    }
}

extension ThingsRepositories {
    fileprivate func add(
        _ count: Int,
        _ owned: Owned,
        of tenant: Tenant.ID,
        telling events: [ThingsEvent] = []
    ) async throws {
        switch owned {
        case .things: try await things.add((0..<count).map { _ in .sample(of: tenant) }, telling: events)
        case .channels: try await channels.add((0..<count).map { _ in .sample(of: tenant) }, telling: events)
        }
    }

    /// Adds so many at a time until no more are taken.
    fileprivate func fill(_ owned: Owned, of tenant: Tenant.ID, by count: Int) async throws {
        do {
            while true { try await add(count, owned, of: tenant) }
        } catch ThingsError.limitReached {}
    }

    /// Those that a list holds.
    fileprivate func count(_ owned: Owned, of tenant: Tenant.ID) async throws -> Int {
        let page = PageRequest(limit: 100)
        switch owned {
        case .things: return try await things.list(.matching(.everything), page, of: tenant).items.count
        case .channels: return try await channels.list(.matching(.everything), page, of: tenant).items.count
        }
    }

    fileprivate func removeOne(_ owned: Owned, of tenant: Tenant.ID) async throws {
        switch owned {
        case .things:
            let first = try await things.list(.matching(.everything), PageRequest(), of: tenant).items.first
            #expect(try await things.remove(#require(first).id, if: .none, of: tenant))
        case .channels:
            let first = try await channels.list(.matching(.everything), PageRequest(), of: tenant).items.first
            #expect(try await channels.remove(#require(first).id, if: .none, of: tenant))
        }
    }
}
