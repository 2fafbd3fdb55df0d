import Model
import TestSupport
import Testing
import ThingsCore

@Suite struct ConnectionRepositoryContract {
    let mine = Tenant.ID.random()
    let theirs = Tenant.ID.random()

    /// Four things and three channels of each tenant, nothing connected.
    struct World {
        let repositories: ThingsRepositories
        let things: [Thing]
        let channels: [Channel]
        let foreignThing: Thing
        let foreignChannel: Channel

        func allows(_ thing: Thing, _ channel: Channel) async throws -> Bool {
            let byID = try await repositories.access.identity(of: thing.id, using: channel.id)
            let byKey = try await repositories.access.identity(of: thing.key, using: channel.id)
            #expect(byID == byKey)
            if let byID { #expect(byID == ThingIdentity(thing: thing.id, tenant: thing.tenant)) }
            return byID != nil
        }
    }

    func world(_ backend: Backend) async throws -> World {
        let world = World(
            repositories: try await backend.repositories(),
            things: (0..<4).map { _ in Thing.sample(of: mine) },
            channels: (0..<3).map { _ in Channel.sample(of: mine) },
            foreignThing: .sample(of: theirs),
            foreignChannel: .sample(of: theirs)
        )
        try await world.repositories.things.add(world.things + [world.foreignThing])
        try await world.repositories.channels.add(world.channels + [world.foreignChannel])
        return world
    }

    @Test(arguments: Backend.allCases)
    func connectsEveryThingWithEveryChannel(_ backend: Backend) async throws {
        let world = try await world(backend)
        let wanted = try Connections(things: world.things.prefix(2).map(\.id), channels: world.channels.map(\.id))
        try await world.repositories.connections.connect(wanted, of: mine)

        for channel in world.channels {
            for (index, thing) in world.things.enumerated() {
                #expect(try await world.allows(thing, channel) == (index < 2))
            }
            #expect(try await !world.allows(world.foreignThing, channel))
        }
    }

    @Test(arguments: Backend.allCases)
    func connectsNothingIfOneIsForeignOrUnknown(_ backend: Backend) async throws {
        let world = try await world(backend)
        let (thing, channel) = (world.things[0], world.channels[0])
        let mixtures: [([Thing.ID], [Channel.ID])] = [
            ([thing.id, world.foreignThing.id], [channel.id]), ([thing.id], [channel.id, world.foreignChannel.id]),
            ([thing.id, .random()], [channel.id]), ([thing.id], [channel.id, .random()]),
            ([world.foreignThing.id], [world.foreignChannel.id]),
        ]
        for (things, channels) in mixtures {
            await #expect(throws: ThingsError.notFound) {
                try await world.repositories.connections.connect(
                    Connections(things: things, channels: channels),
                    of: mine
                )
            }
        }

        #expect(try await !world.allows(thing, channel))
        #expect(try await !world.allows(world.foreignThing, world.foreignChannel))
    }

    @Test(arguments: Backend.allCases)
    func connectsNothingIfOnePairIsConnected(_ backend: Backend) async throws {
        let world = try await world(backend)
        let connections = world.repositories.connections
        try await connections.connect(Connections(thing: world.things[1].id, channel: world.channels[1].id), of: mine)

        await #expect(throws: ThingsError.alreadyConnected) {
            try await connections.connect(
                Connections(things: world.things.map(\.id), channels: world.channels.map(\.id)),
                of: mine
            )
        }

        #expect(try await !world.allows(world.things[0], world.channels[0]))
        #expect(try await world.allows(world.things[1], world.channels[1]))
    }

    @Test(arguments: Backend.allCases)
    func disconnectsAllOrNothing(_ backend: Backend) async throws {
        let world = try await world(backend)
        let connections = world.repositories.connections
        let pairs = try Connections(things: world.things.prefix(2).map(\.id), channels: [world.channels[0].id])
        try await connections.connect(pairs, of: mine)

        await #expect(throws: ThingsError.notFound) {
            try await connections.disconnect(
                Connections(things: world.things.map(\.id), channels: pairs.channels),
                of: mine
            )
        }
        await #expect(throws: ThingsError.notFound) { try await connections.disconnect(pairs, of: theirs) }
        #expect(try await world.allows(world.things[0], world.channels[0]))

        try await connections.disconnect(pairs, of: mine)
        #expect(try await !world.allows(world.things[0], world.channels[0]))
        await #expect(throws: ThingsError.notFound) { try await connections.disconnect(pairs, of: mine) }
    }

    @Test(arguments: Backend.allCases)
    func connectionsGoWithEitherEnd(_ backend: Backend) async throws {
        let world = try await world(backend)
        let all = try Connections(things: world.things.map(\.id), channels: world.channels.map(\.id))
        try await world.repositories.connections.connect(all, of: mine)

        _ = try await world.repositories.things.remove(world.things[0].id, if: .none, of: mine)
        _ = try await world.repositories.channels.remove(world.channels[0].id, if: .none, of: mine)

        #expect(try await !world.allows(world.things[0], world.channels[1]))
        #expect(try await !world.allows(world.things[1], world.channels[0]))
        #expect(try await world.allows(world.things[1], world.channels[1]))
        let left = try await world.repositories.things.list(
            .connected(to: world.channels[1].id),
            PageRequest(),
            of: mine
        )
        #expect(left.total == 3)
    }

    @Test(arguments: Backend.allCases)
    func listsByConnectionArePagedAndOnlyForTheOwner(_ backend: Backend) async throws {
        let world = try await world(backend)
        let (things, channels) = (world.repositories.things, world.repositories.channels)
        let all = try Connections(things: world.things.map(\.id), channels: [world.channels[0].id])
        try await world.repositories.connections.connect(all, of: mine)

        let page = try await things.list(
            .connected(to: world.channels[0].id),
            PageRequest(offset: 1, limit: 2),
            of: mine
        )
        #expect(page.total == 4)
        #expect(page.items == Array(world.things.sorted { $0.id < $1.id }[1...2]))
        let ofThing = try await channels.list(.connected(to: world.things[0].id), PageRequest(), of: mine)
        #expect(ofThing.items == [world.channels[0]])

        let foreign = try await things.list(.connected(to: world.channels[0].id), PageRequest(), of: theirs)
        #expect(foreign.total == 0 && foreign.items.isEmpty)
        let unknown = try await channels.list(.connected(to: .random()), PageRequest(), of: mine)
        #expect(unknown.total == 0 && unknown.items.isEmpty)
    }

    @Test(arguments: Backend.allCases)
    func aKeyIsFoundUntilItIsChangedOrItsThingRemoved(_ backend: Backend) async throws {
        let world = try await world(backend)
        let (access, thing) = (world.repositories.access, world.things[0])
        #expect(try await access.identify(thing.key) == ThingIdentity(thing: thing.id, tenant: mine))
        #expect(try await access.identify(.random()) == nil)

        let newKey = ThingKey.random()
        try await world.repositories.things.change(thing.id, .key(newKey), if: .none, of: mine)
        #expect(try await access.identify(thing.key) == nil)
        #expect(try await access.identify(newKey)?.thing == thing.id)

        _ = try await world.repositories.things.remove(thing.id, if: .none, of: mine)
        #expect(try await access.identify(newKey) == nil)
    }

    @Test(arguments: Backend.allCases)
    func manyQuestionsAreAnsweredInTheirOrder(_ backend: Backend) async throws {
        let world = try await world(backend)
        let (access, things) = (world.repositories.access, world.things)
        let (channel, other) = (world.channels[0].id, world.channels[1].id)
        let pairs = try Connections(things: [things[0].id, things[2].id], channels: [channel])
        try await world.repositories.connections.connect(pairs, of: mine)
        func identity(_ thing: Thing) -> ThingIdentity { ThingIdentity(thing: thing.id, tenant: thing.tenant) }
        func use(_ thing: Thing, _ channel: Channel.ID) -> AccessInquiry {
            .use(Connection(thing: thing.id, channel: channel))
        }

        let answers = try await access.identities([
            use(things[2], channel), .key(things[1].key), .key(.random()), use(things[1], channel),
            use(things[0], other), .key(world.foreignThing.key), use(things[0], channel), .key(things[1].key),
        ])
        #expect(
            answers == [
                identity(things[2]), identity(things[1]), nil, nil, nil, identity(world.foreignThing),
                identity(things[0]), identity(things[1]),
            ]
        )
        #expect(try await access.identities([]).isEmpty)
    }

    @Test(arguments: Backend.allCases)
    func removingAllLeavesTheOthers(_ backend: Backend) async throws {
        let world = try await world(backend)
        let all = try Connections(things: world.things.map(\.id), channels: world.channels.map(\.id))
        try await world.repositories.connections.connect(all, of: mine)
        try await world.repositories.connections.connect(
            Connections(thing: world.foreignThing.id, channel: world.foreignChannel.id),
            of: theirs
        )

        #expect(try await world.repositories.connections.removeAll(of: mine))
        #expect(try await world.repositories.connections.removeAll(of: mine) == false)

        #expect(try await world.repositories.things.list(.matching(.everything), PageRequest(), of: mine).total == 0)
        #expect(try await world.repositories.channels.list(.matching(.everything), PageRequest(), of: mine).total == 0)
        #expect(try await world.repositories.access.identify(world.things[0].key) == nil)
        #expect(try await world.allows(world.foreignThing, world.foreignChannel))
        try await world.repositories.things.add(world.things)
        #expect(try await world.repositories.things.list(.matching(.everything), PageRequest(), of: mine).total == 4)
    }
}
