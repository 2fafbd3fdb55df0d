import Messaging
import Model
import Testing

/// Two tenants with two things each, all of them with a key and connected to two channels.
private struct World {
    let asked = AskedTable()
    let things: [ThingIdentity]
    let channels = [ChannelID.random(), .random()]
    var keys: [ThingIdentity: KnownKey] = [:]
    var grants: [ChannelGrant] = []

    init() throws {
        let tenants = [Tenant.ID.random(), .random()]
        things = tenants.flatMap { [.random(tenant: $0), .random(tenant: $0)] }
        for thing in things {
            keys[thing] = asked.knownKey(of: thing)
            for channel in channels { grants.append(try #require(asked.grant(thing, channel))) }
        }
        asked.takeQuestions()
    }
}

@Suite struct AccessEventTests {
    /// What an event is expected to kill, in words that don't come from the code.
    enum Kind: CaseIterable {
        case thingRemoved, keyChanged, disconnected, channelRemoved, tenantRemoved
    }

    private func event(_ kind: Kind, _ thing: ThingIdentity, _ channel: ChannelID) -> AccessEvent {
        switch kind {
        case .thingRemoved: .thingRemoved(thing.thing)
        case .keyChanged: .keyChanged(thing.thing)
        case .disconnected: .disconnected(thing.thing, channel)
        case .channelRemoved: .channelRemoved(channel)
        case .tenantRemoved: .tenantRemoved(thing.tenant)
        }
    }

    private func killsKey(_ kind: Kind, _ victim: ThingIdentity, _ thing: ThingIdentity) -> Bool {
        switch kind {
        case .thingRemoved, .keyChanged: thing == victim
        case .tenantRemoved: thing.tenant == victim.tenant
        case .disconnected, .channelRemoved: false
        }
    }

    private func killsGrant(_ kind: Kind, _ victim: ThingIdentity, _ channel: ChannelID, _ grant: ChannelGrant) -> Bool
    {
        switch kind {
        case .thingRemoved: grant.identity == victim
        case .keyChanged: false
        case .disconnected: grant.identity == victim && grant.channel == channel
        case .channelRemoved: grant.channel == channel
        case .tenantRemoved: grant.identity.tenant == victim.tenant
        }
    }

    @Test(arguments: Kind.allCases)
    func anEventKillsWhatItTakesAwayAndNothingElse(kind: Kind) throws {
        let world = try World()
        let (victim, channel) = (world.things[0], world.channels[0])
        world.asked.table.apply(event(kind, victim, channel))

        for (thing, known) in world.keys { #expect(known.isLive == !killsKey(kind, victim, thing)) }
        for grant in world.grants {
            let dies = killsGrant(kind, victim, channel, grant)
            #expect(grant.isLive == !dies)
            #expect((world.asked.table.grant(grant.identity.thing, grant.channel, at: 0) == nil) == dies)
        }
    }

    @Test(arguments: Kind.allCases)
    func anEventThatTakesWhatIsUnknownDoesNothing(kind: Kind) throws {
        let world = try World()
        world.asked.table.apply(event(kind, .random(), .random()))

        #expect(world.keys.values.allSatisfy(\.isLive) && world.grants.allSatisfy(\.isLive))
    }

    @Test(arguments: Kind.allCases)
    func aRightThatWasAskedForBeforeAnEventThatTouchesItIsAskedForAgain(kind: Kind) throws {
        let asked = AskedTable()
        let (thing, channel) = (ThingIdentity.random(), ChannelID.random())
        let other = (ThingIdentity.random(tenant: .random()), ChannelID.random())
        let touched = asked.authorize(thing, channel)
        let untouched = asked.authorize(other.0, other.1)
        asked.takeQuestions()
        asked.table.apply(event(kind, thing, channel))
        asked.answer(thing, channel, true)
        asked.answer(other.0, other.1, true)

        #expect(untouched.right?.isLive == true)
        if kind == .keyChanged {
            #expect(touched.right?.isLive == true)
        } else {
            #expect(touched.list.isEmpty)
            #expect(asked.questions == [.use(thing, channel)])
            asked.answer(thing, channel, false)
            #expect(touched.isRefused && touched.list.count == 1)
        }
    }

    @Test(arguments: Kind.allCases)
    func aKeyThatWasAskedForBeforeAnEventThatTakesItIsAskedForAgain(kind: Kind) throws {
        let asked = AskedTable()
        let thing = ThingIdentity.random()
        let keys = [ThingKey.random(), .random()]
        let touched = asked.identify(keys[0])
        let untouched = asked.identify(keys[1])
        asked.takeQuestions()
        asked.table.apply(event(kind, thing, .random()))
        asked.answer(keys[0], thing)
        asked.answer(keys[1], .random())

        #expect(untouched.right?.isLive == true)
        if killsKey(kind, thing, thing) {
            #expect(touched.list.isEmpty)
            #expect(asked.questions == [.key(keys[0])])
            asked.answer(keys[0], nil)
            #expect(touched.isRefused && touched.list.count == 1)
        } else {
            #expect(touched.right?.isLive == true)
        }
    }

    @Test func aKeyThatMissedTooManyEventsToRememberIsAskedForAgain() {
        let asked = AskedTable()
        let key = ThingKey.random()
        let answers = asked.identify(key)
        for _ in 0..<1_000 { asked.table.apply(.keyChanged(.random())) }
        asked.answer(key, .random())

        #expect(answers.list.isEmpty)
        asked.answer(key, .random())
        #expect(answers.right?.isLive == true)
    }

    @Test func everyWaiterOfAQuestionAskedAgainIsAnsweredOnceInOrder() {
        let asked = AskedTable()
        let (thing, channel) = (ThingIdentity.random(), ChannelID.random())
        var order: [Int] = []
        asked.table.authorize(thing, channel, at: 0) { _ in order.append(0) }
        asked.table.apply(.channelRemoved(channel))
        asked.table.authorize(thing, channel, at: 0) { _ in order.append(1) }
        asked.answer(thing, channel, true)
        asked.table.authorize(thing, channel, at: 0) { _ in order.append(2) }
        #expect(order.isEmpty)
        asked.answer(thing, channel, true)

        #expect(order == [0, 1, 2])
    }

    @Test func anOutageEndsTheWaitAlsoAfterAnEvent() {
        let asked = AskedTable()
        let (thing, channel) = (ThingIdentity.random(), ChannelID.random())
        let answers = asked.authorize(thing, channel)
        asked.table.apply(.channelRemoved(channel))
        asked.fail(.use(thing, channel))

        #expect(answers.isUnavailable)
    }
}
