import Messaging
import Model
import TestSupport
import Testing

/// How long a decision is used, with and without the knowledge that nothing happened.
@Suite struct AccessAgeTests {
    private static let second: UInt64 = 1_000_000_000

    private let thing = ThingIdentity.random()
    private let channel = ChannelID.random()
    private let key = ThingKey.random()
    private let asked = AskedTable(AccessAges(leased: 300 * second, unleased: 10 * second))

    private var use: AccessQuestion.Subject { .use(thing, channel) }

    private func pass(_ seconds: UInt64) {
        for _ in 0..<seconds * 10 {
            asked.now += Self.second / 10
            asked.table.renew(at: asked.now)
        }
    }

    @Test func withoutALeaseADecisionIsGoodForTheShorterTime() throws {
        let grant = try #require(asked.grant(thing, channel))
        asked.now = 10 * Self.second - 1
        #expect(grant.isGood(at: asked.now))
        asked.now += 1
        #expect(!grant.isGood(at: asked.now))
    }

    @Test func withALeaseItIsGoodForTheLongerAndTheEndOfTheLeaseEndsThat() throws {
        let grant = try #require(asked.grant(thing, channel))
        asked.now = 60 * Self.second
        asked.table.extendLease(until: 63 * Self.second)
        #expect(grant.isGood(at: asked.now))
        asked.now = 63 * Self.second
        #expect(!grant.isGood(at: asked.now))

        asked.table.extendLease(until: 400 * Self.second)
        asked.now = 300 * Self.second - 1
        #expect(grant.isGood(at: asked.now))
        asked.now += 1
        #expect(!grant.isGood(at: asked.now))
    }

    @Test func anAgeCountsFromTheQuestionAndNotFromTheAnswer() throws {
        let answers = asked.authorize(thing, channel)
        asked.now = 4 * Self.second
        asked.answer(thing, channel, true)
        #expect(answers.right?.isGood(at: 10 * Self.second - 1) == true)
        #expect(answers.right?.isGood(at: 10 * Self.second) == false)
    }

    @Test func afterAGapEverythingIsAskedForAgainBeforeItsNextUse() throws {
        asked.table.extendLease(until: 100 * Self.second)
        let (grant, known) = (
            try #require(asked.grant(thing, channel)), try #require(asked.knownKey(of: thing, key))
        )
        asked.takeQuestions()
        asked.table.distrustAll(at: asked.now)
        #expect(!grant.isGood(at: asked.now) && !known.isGood(at: asked.now))

        let answers = asked.authorize(thing, channel)
        #expect(answers.list.isEmpty && asked.questions == [use])
        asked.answer(thing, channel, true)
        #expect(answers.right === grant && grant.isGood(at: asked.now))
    }

    @Test func anAnswerThatWasOnItsWayDuringAGapIsAskedForAgain() {
        let answers = asked.authorize(thing, channel)
        asked.takeQuestions()
        asked.table.distrustAll(at: asked.now)
        asked.answer(thing, channel, true)
        #expect(answers.list.isEmpty && asked.questions == [use])
        asked.answer(thing, channel, true)
        #expect(answers.right?.isGood(at: asked.now) == true)
    }

    @Test func whatCannotBeConfirmedIsUsedUntilItIsTooOld() throws {
        let grant = try #require(asked.grant(thing, channel))
        var uses = 0
        while asked.now < 300 * Self.second {
            asked.now += Self.second
            let answers = asked.authorize(thing, channel)
            if answers.list.isEmpty { asked.fail(use) }
            if answers.right === grant { uses += 1 } else { #expect(answers.isUnavailable) }
        }
        #expect(uses == 299)
        #expect(!grant.isLive)
        #expect(asked.lost.isEmpty)
    }

    @Test func whatNobodyAnswersIsUsedUntilItIsTooOld() throws {
        let grant = try #require(asked.grant(thing, channel))
        asked.now = 20 * Self.second
        let answers = asked.authorize(thing, channel)
        asked.now = 26 * Self.second
        asked.table.giveUp(askedBefore: 21 * Self.second, at: asked.now)
        #expect(answers.right === grant && grant.isGood(at: asked.now))
    }

    @Test func whatNoSessionLivesByIsNotAskedForAgain() throws {
        _ = asked.grant(thing, channel)
        _ = asked.knownKey(of: thing, key)
        asked.takeQuestions()
        pass(400)
        #expect(asked.questions.isEmpty)
    }

    @Test func whatSessionsLiveByIsConfirmedBeforeItIsTooOld() throws {
        let (grant, known) = (
            try #require(asked.grant(thing, channel)), try #require(asked.knownKey(of: thing, key))
        )
        grant.hold(at: asked.now)
        known.hold(at: asked.now)
        asked.takeQuestions()
        for _ in 0..<600 {
            pass(1)
            for question in asked.takeQuestions() {
                if case .key = question.subject { asked.answer(key, thing) } else { asked.answer(thing, channel, true) }
            }
            #expect(grant.isGood(at: asked.now) && known.isGood(at: asked.now))
        }
        grant.release()
        known.release()
        pass(20)
        #expect(asked.questions.isEmpty)
    }

    @Test func withALeaseItIsConfirmedSeldom() throws {
        let grant = try #require(asked.grant(thing, channel))
        grant.hold(at: asked.now)
        asked.takeQuestions()
        var questions = 0
        for _ in 0..<600 {
            asked.table.extendLease(until: asked.now + 3 * Self.second)
            pass(1)
            for _ in asked.takeQuestions() {
                questions += 1
                asked.answer(thing, channel, true)
            }
        }
        #expect((2...3).contains(questions))
        // Without it, within the shorter time again.
        pass(11)
        #expect(asked.questions == [use])
    }

    @Test(arguments: [true, false])
    func sessionsLoseWhatIsRefusedWithoutAnEvent(isKey: Bool) throws {
        if isKey {
            let known = try #require(asked.knownKey(of: thing, key))
            known.hold(at: 0)
        } else {
            try #require(asked.grant(thing, channel)).hold(at: 0)
        }
        asked.takeQuestions()
        pass(10)
        #expect(asked.questions == [isKey ? .key(key) : use])
        if isKey { asked.answer(key, nil) } else { asked.answer(thing, channel, false) }
        let event: AccessEvent = isKey ? .keyChanged(thing.thing) : .disconnected(thing.thing, channel)
        #expect(asked.lost == [.init(event: event, reason: .taken)])
    }

    @Test func sessionsLoseWhatCouldNotBeConfirmedForTooLong() throws {
        let grant = try #require(asked.grant(thing, channel))
        grant.hold(at: 0)
        var questions = 0
        while asked.now < 310 * Self.second {
            pass(1)
            for _ in asked.takeQuestions() {
                questions += 1
                asked.fail(use)
            }
            #expect(grant.isLive || asked.now >= 300 * Self.second)
        }
        #expect(asked.lost == [.init(event: .disconnected(thing.thing, channel), reason: .unconfirmed)])
        #expect(questions > 100)
    }

    @Test func afterAGapAllSessionsAreAskedForWithinASecondButNotAtOnce() throws {
        let asked = AskedTable(AccessAges(leased: 300 * Self.second, unleased: 10 * Self.second), capacity: 5_000)
        asked.now = Self.second
        for _ in 0..<1_000 { try #require(asked.grant(.random(), channel)).hold(at: asked.now) }
        asked.takeQuestions()
        asked.table.distrustAll(at: asked.now)
        var counts: [Int] = []
        for _ in 0..<10 {
            asked.now += Self.second / 10
            asked.table.renew(at: asked.now)
            counts.append(asked.takeQuestions().count)
        }
        #expect(counts.reduce(0, +) == 1_000)
        #expect(counts.allSatisfy { (30...200).contains($0) })
    }

    @Test func gapsThatFollowEachOtherDoNotPutItOff() throws {
        try #require(asked.grant(thing, channel)).hold(at: asked.now)
        asked.takeQuestions()
        var questions = 0
        for _ in 0..<20 {
            asked.table.distrustAll(at: asked.now)
            asked.now += Self.second / 10
            asked.table.renew(at: asked.now)
            questions += asked.takeQuestions().count
        }
        #expect(questions == 1)
    }

    @Test func whatSessionsLiveByNeverMakesRoomForOthers() throws {
        let asked = AskedTable(AccessAges(leased: 100, unleased: 100), capacity: 10)
        var held: [AccessRight] = []
        for _ in 0..<20 {
            held.append(try #require(asked.grant(.random(), channel)))
            held.append(try #require(asked.knownKey(of: .random())))
            for right in held.suffix(2) { right.hold(at: 0) }
        }
        for _ in 0..<20 {
            _ = asked.grant(.random(), channel)
            _ = asked.knownKey(of: .random())
        }
        #expect(held.count(where: \.isLive) == held.count)
    }
}

/// Rights are taken while no event tells of it; the service answers late, or not at all.
@Suite struct AccessAgeModelTests {
    @Test(arguments: 0..<40 as Range<UInt64>)
    func noRightOutlivesItsEndByMoreThanItsBound(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let (leased, unleased): (UInt64, UInt64) = (400, 100)
        let asked = AskedTable(AccessAges(leased: leased, unleased: unleased))
        let channel = ChannelID.random()
        let things = (0..<4).map { _ in ThingIdentity.random() }
        var takenAt: [ThingIdentity: UInt64] = [:]
        var lastGap: UInt64 = 0
        var grants: [ChannelGrant] = []
        var open: [AccessQuestion] = []
        var underWay: [(AccessQuestion, Bool)] = []
        var isReachable = true
        var uses = 0
        for _ in 0..<3_000 {
            let thing = random.pick(things)
            switch Int.random(in: 0..<16, using: &random) {
            case 0...3:
                asked.table.authorize(thing, channel, at: asked.now) { answer in
                    guard case .granted(let grant) = answer else { return }
                    uses += 1
                    grant.hold(at: asked.now)
                    grants.append(grant)
                }
            case 4...6:
                for question in open {
                    guard case .use(let who, _) = question.subject else { continue }
                    underWay.append((question, takenAt[who] == nil))
                }
                open = []
            case 7...9:
                for (question, allowed) in underWay {
                    let answer: Result<Bool, AccessUnavailable> =
                        isReachable ? .success(allowed) : .failure(AccessUnavailable())
                    asked.table.answered(question, allowed: answer, at: asked.now)
                }
                underWay = []
            case 10: takenAt[thing] = takenAt[thing] ?? asked.now
            case 11: takenAt[thing] = nil
            case 12:
                guard Int.random(in: 0..<4, using: &random) == 0 else { break }
                asked.table.distrustAll(at: asked.now)
                lastGap = asked.now
            case 13: if Int.random(in: 0..<10, using: &random) == 0 { isReachable.toggle() }
            default:
                asked.now += UInt64.random(in: 1...20, using: &random)
                asked.table.giveUp(askedBefore: asked.now - min(asked.now, 50), at: asked.now)
                asked.table.renew(at: asked.now)
            }
            open += asked.takeQuestions()
            for grant in grants where grant.isGood(at: asked.now) {
                guard let taken = takenAt[grant.identity] else { continue }
                #expect(asked.now - taken < leased)
                guard grant.isConfirmed(at: asked.now) else { continue }
                #expect(asked.now - taken < unleased)
                #expect(taken >= lastGap || lastGap == 0)
            }
        }
        #expect(uses > 20)
    }
}
