import Model
import TestSupport
import Testing
import ThingsCore

@Suite struct ThingsServiceTests {
    let account = Account.ID.random()
    let log = EventLog()
    let users: InMemoryUsers
    let service: ThingsService
    var mine: Tenant.ID { account.tenant }
    let theirs = Tenant.ID.random()

    init() {
        self.users = InMemoryUsers(["token": account])
        self.service = ThingsService(repositories: InMemoryThings().repositories, users: users, publisher: log)
    }

    func thing() async throws -> Thing {
        try await service.createThings([ThingDraft(details: Details())], of: mine)[0]
    }

    func channel() async throws -> Channel {
        try await service.createChannels([Details()], of: mine)[0]
    }

    @Test func aTokenStandsForItsAccountAndAnOutageIsNoRefusal() async throws {
        #expect(try await service.tenant(holding: Secret("token")) == mine)
        await #expect(throws: ThingsError.unauthenticated) { try await service.tenant(holding: Secret("another")) }

        users.goAway()
        await #expect(throws: ThingsError.unavailable) { try await service.tenant(holding: Secret("token")) }
    }

    @Test func creationKeepsOrderKeysAndMetadata() async throws {
        let key = ThingKey.random()
        let drafts = [
            ThingDraft(details: try Details(name: "one", metadata: ["a": 1])),
            ThingDraft(details: try Details(name: "two"), key: key),
        ]

        let created = try await service.createThings(drafts, of: mine)

        #expect(created.map(\.name) == ["one", "two"])
        #expect(created[0].metadata == ["a": 1])
        #expect(created[1].key == key)
        #expect(created[0].key != key)
        #expect(try await service.thing(created[0].id, of: mine).value == created[0])
        #expect(log.events == zip(created, drafts).map { .thingCreated($0.id, owner: mine, $1.details) })
    }

    @Test func everyChangeIsToldOnce() async throws {
        let (thing, channel) = (try await thing(), try await channel())
        let pair = Connections(thing: thing.id, channel: channel.id)
        let details = try Details(name: "new")
        log.forget()

        try await service.connect(pair, of: mine)
        try await service.replaceThing(thing.id, with: details, of: mine)
        try await service.replaceChannel(channel.id, with: details, of: mine)
        try await service.changeKey(of: thing.id, to: .random(), of: mine)
        try await service.disconnect(pair, of: mine)
        try await service.removeThing(thing.id, of: mine)
        try await service.removeChannel(channel.id, of: mine)

        let connection = Connection(thing: thing.id, channel: channel.id)
        #expect(
            log.events == [
                .connected(connection), .thingUpdated(thing.id, details), .channelUpdated(channel.id, details),
                .thingKeyChanged(thing.id), .disconnected(connection), .thingRemoved(thing.id),
                .channelRemoved(channel.id),
            ]
        )
    }

    @Test func whatDidNotChangeIsNotTold() async throws {
        let (thing, channel) = (try await thing(), try await channel())
        let pair = Connections(thing: thing.id, channel: channel.id)
        log.forget()

        try await service.removeThing(thing.id, of: theirs)
        try await service.removeThing(.random(), of: mine)
        try await service.removeChannel(channel.id, of: theirs)
        await #expect(throws: ThingsError.notFound) { try await service.disconnect(pair, of: mine) }
        await #expect(throws: ThingsError.notFound) { try await service.connect(pair, of: theirs) }
        await #expect(throws: ThingsError.notFound) {
            try await service.changeKey(of: thing.id, to: .random(), of: theirs)
        }
        await #expect(throws: ThingsError.changedMeanwhile) {
            try await service.removeThing(thing.id, if: .isOneOf([9]), of: mine)
        }
        try await service.connect(Connections(things: [thing.id], channels: []), of: mine)
        _ = try await service.createThings([], of: mine)

        #expect(log.events == [])
    }

    /// Whoever removed it may have ended before it could tell.
    @Test func removingAnAccountIsToldAlsoWhenNothingIsLeft() async throws {
        log.forget()
        try await service.removeAll(ownedBy: account)
        #expect(log.events == [.tenantRemoved(mine)])
    }

    @Test func removingAnAccountsThingsIsToldAsOne() async throws {
        let (thing, channel) = (try await thing(), try await channel())
        try await service.connect(Connections(thing: thing.id, channel: channel.id), of: mine)
        log.forget()

        try await service.removeAll(ownedBy: account)

        #expect(log.events == [.tenantRemoved(mine)])
        #expect(try await service.identify(thing.key) == nil)
        #expect(try await service.canAccess(thing: thing.id, channel: channel.id) == nil)
    }

    @Test func accessIsByConnectionOnly() async throws {
        let (thing, other, channel) = (try await thing(), try await thing(), try await channel())
        try await service.connect(Connections(thing: thing.id, channel: channel.id), of: mine)

        let identity = ThingIdentity(thing: thing.id, tenant: mine)
        #expect(try await service.canAccess(key: thing.key, channel: channel.id) == identity)
        #expect(try await service.canAccess(thing: thing.id, channel: channel.id) == identity)
        #expect(try await service.canAccess(key: other.key, channel: channel.id) == nil)
        #expect(try await service.canAccess(thing: other.id, channel: channel.id) == nil)
        #expect(try await service.canAccess(key: thing.key, channel: .random()) == nil)
    }
}

@Suite struct ThingsValuesTests {
    @Test func aNameMayHaveAThousandAndTwentyFourBytes() throws {
        #expect(try Details(name: String(repeating: "é", count: 512)).name.count == 512)
        #expect(throws: ThingsError.self) { try Details(name: String(repeating: "é", count: 512) + "x") }
        #expect(throws: ThingsError.self) { try ListFilter(name: String(repeating: "x", count: 1025), metadata: [:]) }
    }

    @Test(
        arguments: [
            ["a": "x\u{0}"], ["\u{0}": 1], ["a": ["b": ["c", "\u{0}"]]], ["a": ["\u{0}": .null]],
        ] as [JSONObject]
    )
    func zeroCharactersAreRefused(_ metadata: JSONObject) {
        #expect(throws: ThingsError.self) { try Details(name: "a\u{0}b") }
        #expect(throws: ThingsError.self) { try Details(metadata: metadata) }
        #expect(throws: ThingsError.self) { try ListFilter(name: "", metadata: metadata) }
    }

    @Test func namingOneTwiceMakesNoSecondConnection() throws {
        let (thing, channel) = (Thing.ID.random(), Channel.ID.random())
        let connections = try Connections(things: [thing, thing], channels: [channel, channel])

        #expect(connections.pairs == [Connection(thing: thing, channel: channel)])
        #expect(connections.count == 1)
    }

    @Test func connectionsAtOnceAreBounded() throws {
        let things = (0..<400).map { _ in Thing.ID.random() }
        let channels = (0..<251).map { _ in Channel.ID.random() }

        #expect(try Connections(things: things, channels: Array(channels.dropLast())).count == 100_000)
        #expect(throws: ThingsError.self) { try Connections(things: things, channels: channels) }
    }
}

@Suite struct ThingsEventTests {
    let thing = Thing.ID.random()
    let channel = Channel.ID.random()
    let tenant = Tenant.ID.random()

    @Test func theFieldsAreThoseOfTheEventLog() throws {
        let details = try Details(name: "lamp", metadata: ["b": 2, "a": [1]])
        let connection = Connection(thing: thing, channel: channel)
        let expected: [(ThingsEvent, String, [String: String])] = [
            (
                .thingCreated(thing, owner: tenant, details), "thing.create",
                ["id": "\(thing)", "owner": "\(tenant)", "name": "lamp", "metadata": #"{"a":[1],"b":2}"#]
            ),
            (
                .channelCreated(channel, owner: tenant, try Details()), "channel.create",
                ["id": "\(channel)", "owner": "\(tenant)"]
            ),
            (.thingUpdated(thing, try Details(name: "lamp")), "thing.update", ["id": "\(thing)", "name": "lamp"]),
            (.channelUpdated(channel, try Details()), "channel.update", ["id": "\(channel)"]),
            (.thingKeyChanged(thing), "thing.key", ["id": "\(thing)"]),
            (.thingRemoved(thing), "thing.remove", ["id": "\(thing)"]),
            (.channelRemoved(channel), "channel.remove", ["id": "\(channel)"]),
            (.connected(connection), "thing.connect", ["chan_id": "\(channel)", "thing_id": "\(thing)"]),
            (.disconnected(connection), "thing.disconnect", ["chan_id": "\(channel)", "thing_id": "\(thing)"]),
        ]
        for (event, operation, fields) in expected {
            #expect(event.operation == operation)
            #expect(event.fields == fields)
        }
    }

    @Test func onlyWhatTakesARightIsAnAccessEvent() throws {
        let connection = Connection(thing: thing, channel: channel)
        #expect(ThingsEvent.thingRemoved(thing).accessEvent == .thingRemoved(thing))
        #expect(ThingsEvent.thingKeyChanged(thing).accessEvent == .keyChanged(thing))
        #expect(ThingsEvent.disconnected(connection).accessEvent == .disconnected(thing, channel))
        #expect(ThingsEvent.channelRemoved(channel).accessEvent == .channelRemoved(channel))
        #expect(ThingsEvent.tenantRemoved(tenant).accessEvent == .tenantRemoved(tenant))
        #expect(ThingsEvent.connected(connection).accessEvent == nil)
        #expect(ThingsEvent.thingUpdated(thing, try Details()).accessEvent == nil)
        #expect(ThingsEvent.thingCreated(thing, owner: tenant, try Details()).accessEvent == nil)
    }
}
