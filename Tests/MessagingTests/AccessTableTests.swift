import Messaging
import Model
import Testing

@Suite struct AccessTableTests {
    private let thing = ThingIdentity.random()
    private let channel = ChannelID.random()
    private let key = ThingKey.random()

    // MARK: Asking and remembering

    @Test func whatIsNotKnownIsAskedOnceAndEveryWaiterIsAnsweredInOrder() {
        let asked = AskedTable()
        var order: [Int] = []
        for number in 0..<3 {
            asked.table.authorize(thing, channel, at: 0) { _ in order.append(number) }
        }

        #expect(asked.questions == [.use(thing, channel)])
        asked.answer(thing, channel, true)
        asked.answer(thing, channel, true)
        #expect(order == [0, 1, 2])
    }

    @Test func aKeyIsAskedForOnceAndEveryWaiterIsAnsweredInOrder() {
        let asked = AskedTable()
        var order: [Int] = []
        for number in 0..<3 { asked.table.identify(key, at: 0) { _ in order.append(number) } }

        #expect(asked.questions == [.key(key)])
        asked.answer(key, thing)
        asked.answer(key, thing)
        #expect(order == [0, 1, 2])
    }

    @Test func aQuestionMayBeAnsweredWhileItIsAsked() {
        var table: AccessTable?
        table = AccessTable(ages: .always(1), lost: { _, _ in }) { question in
            table?.answered(question, allowed: .success(true), at: 0)
        }
        var grants = 0
        table?.authorize(thing, channel, at: 0) { if case .granted = $0 { grants += 1 } }

        #expect(grants == 1)
    }

    @Test func aRightIsKnownUntilItsAgeIsOver() throws {
        let asked = AskedTable(maximumAge: 100)
        asked.now = 1_000
        let grant = try #require(asked.grant(thing, channel))
        let known = try #require(asked.knownKey(of: thing, key))
        asked.takeQuestions()

        asked.now = 1_099
        #expect(asked.authorize(thing, channel).right === grant)
        #expect(asked.identify(key).right === known)
        #expect(asked.questions.isEmpty)

        asked.now = 1_100
        #expect(!grant.isGood(at: asked.now) && !known.isGood(at: asked.now))
        #expect(asked.table.grant(thing.thing, channel, at: asked.now) == nil)
        #expect(asked.table.known(key, at: asked.now) == nil)
        #expect(asked.authorize(thing, channel).list.isEmpty)
        #expect(asked.identify(key).list.isEmpty)
        #expect(asked.questions == [.use(thing, channel), .key(key)])
    }

    @Test func aRightThatIsGrantedAgainIsTheSameOneAndYoung() throws {
        let asked = AskedTable(maximumAge: 100)
        let old = try #require(asked.grant(thing, channel))
        asked.now = 100
        #expect(!old.isGood(at: asked.now))
        #expect(asked.grant(thing, channel) === old)
        #expect(old.isGood(at: asked.now))

        asked.table.apply(.disconnected(thing.thing, channel))
        #expect(!old.isLive)
    }

    @Test func aRefusalIsNotRemembered() {
        let asked = AskedTable()
        let first = asked.authorize(thing, channel)
        asked.answer(thing, channel, false)
        let second = asked.authorize(thing, channel)
        let key = asked.identify(key)
        asked.answer(self.key, nil)

        #expect(first.isRefused && second.list.isEmpty && key.isRefused)
        #expect(asked.questions.filter { $0 == .use(thing, channel) }.count == 2)
        asked.answer(thing, channel, true)
        #expect(second.right?.isLive == true)
    }

    @Test func anOutageIsNeitherARightNorARefusalAndIsNotRemembered() {
        let asked = AskedTable()
        let use = asked.authorize(thing, channel)
        let known = asked.identify(key)
        asked.fail(.use(thing, channel))
        asked.fail(.key(key))

        #expect(use.isUnavailable && known.isUnavailable)
        #expect(asked.authorize(thing, channel).list.isEmpty && asked.identify(key).list.isEmpty)
        #expect(asked.questions.count == 4)
    }

    @Test func anAnswerThatNobodyWaitsForIsIgnored() {
        let asked = AskedTable()
        asked.answer(thing, channel, true)
        asked.answer(key, thing)

        #expect(asked.table.grant(thing.thing, channel, at: 0) == nil)
        #expect(asked.table.known(key, at: 0) == nil)
    }

    @Test func whoeverIsCalledBackMayAskAgain() {
        let asked = AskedTable()
        var answers: [Bool] = []
        asked.table.authorize(thing, channel, at: 0) { _ in
            asked.table.authorize(self.thing, self.channel, at: 0) { second in
                if case .refused = second { answers.append(false) } else { answers.append(true) }
            }
        }
        asked.answer(thing, channel, false)
        #expect(answers.isEmpty)
        asked.answer(thing, channel, true)
        #expect(answers == [true])
    }

    // MARK: Giving up

    @Test func whoWaitsTooLongIsToldThatItCannotBeTold() {
        let asked = AskedTable()
        let (use, key) = (asked.authorize(thing, channel), asked.identify(key))
        asked.now = 10
        let later = asked.identify(.random())
        asked.table.giveUp(askedBefore: 10, at: asked.now)

        #expect(use.isUnavailable && key.isUnavailable && later.list.isEmpty)
        asked.table.giveUp(askedBefore: 10, at: asked.now)
        #expect(use.list.count == 1 && key.list.count == 1)
    }

    @Test func theAnswerToAQuestionThatWasGivenUpOnIsWorthNothing() throws {
        let asked = AskedTable()
        _ = asked.authorize(thing, channel)
        _ = asked.identify(key)
        let old = asked.takeQuestions()
        asked.table.giveUp(askedBefore: 1, at: asked.now)
        // Nobody waits, so nothing takes note of this.
        asked.table.apply(.thingRemoved(thing.thing))
        let (use, known) = (asked.authorize(thing, channel), asked.identify(key))
        for question in old {
            asked.table.answered(question, allowed: .success(true), at: 0)
            asked.table.answered(question, identity: .success(thing), at: 0)
        }
        #expect(use.list.isEmpty && known.list.isEmpty)

        asked.answer(thing, channel, false)
        asked.answer(key, nil)
        #expect(use.isRefused && known.isRefused)
    }

    @Test func whoeverIsGivenUpOnMayAskAgainAtOnce() {
        let asked = AskedTable()
        var answers = 0
        let keys = (0..<20).map { _ in ThingKey.random() }
        for key in keys {
            asked.table.identify(key, at: 0) { _ in
                for key in keys { asked.table.identify(key, at: 5) { _ in answers += 1 } }
            }
        }
        asked.table.giveUp(askedBefore: 1, at: asked.now)
        asked.table.giveUp(askedBefore: 6, at: asked.now)

        #expect(answers == 400)
    }

    // MARK: Capacity

    @Test func theGrantsThatMakeRoomForOthersDie() throws {
        let asked = AskedTable(capacity: 10)
        var grants: [ChannelGrant] = []
        for _ in 0..<100 {
            grants.append(try #require(asked.grant(.random(), channel)))
            #expect(grants.count(where: \.isLive) <= 10)
            #expect(grants.last?.isLive == true)
        }
        for grant in grants {
            #expect(grant.isLive == (asked.table.grant(grant.identity.thing, channel, at: 0) === grant))
        }
    }

    @Test func theKeysThatMakeRoomForOthersDie() throws {
        let asked = AskedTable(capacity: 10)
        var keys: [KnownKey] = []
        for _ in 0..<100 {
            keys.append(try #require(asked.knownKey(of: .random())))
            #expect(keys.count(where: \.isLive) <= 10)
            #expect(keys.last?.isLive == true)
        }
    }

    // MARK: A key that moves

    @Test func aKeyThatIsAnotherThingsByNowOutlivesItsFormerOwner() throws {
        let asked = AskedTable(maximumAge: 100)
        let other = ThingIdentity.random()
        let former = try #require(asked.knownKey(of: thing, key))
        asked.now = 100
        let current = try #require(asked.knownKey(of: other, key))
        asked.table.apply(.keyChanged(thing.thing))

        #expect(!former.isLive && current.isLive)
        #expect(asked.table.known(key, at: asked.now) === current)
        asked.table.apply(.keyChanged(other.thing))
        #expect(!current.isLive)
    }

    // MARK: Admission

    @Test func aKeyIsAdmittedToAChannelThatItsThingMayUse() {
        let asked = AskedTable()
        let answers = asked.admit(key, to: channel)
        asked.answer(key, thing)
        asked.answer(thing, channel, true)

        #expect(answers.list.count == 1)
        #expect(answers.right?.key.identity == thing && answers.right?.grant.channel == channel)
    }

    @Test func nobodyIsAdmittedWhoseKeyOrChannelIsRefusedOrUnknownForNow() {
        let asked = AskedTable()
        let badKey = asked.admit(.random(), to: channel)
        if case .key(let key)? = asked.takeQuestions().first?.subject { asked.answer(key, nil) }
        let badChannel = asked.admit(key, to: channel)
        asked.answer(key, thing)
        asked.answer(thing, channel, false)
        let outage = asked.admit(key, to: channel)
        asked.fail(.use(thing, channel))

        #expect(badKey.isUnknownKey && badChannel.isRefused && outage.isUnavailable)
    }

    @Test func aKeyThatChangesWhileTheChannelIsAskedForIsLookedUpAgain() {
        let asked = AskedTable()
        let answers = asked.admit(key, to: channel)
        asked.answer(key, thing)
        asked.takeQuestions()

        asked.table.apply(.keyChanged(thing.thing))
        asked.answer(thing, channel, true)
        #expect(answers.list.isEmpty)
        #expect(asked.questions == [.key(key)])

        asked.answer(key, nil)
        #expect(answers.list.count == 1 && answers.isUnknownKey)
    }
}
