import Messaging
import Model
import TestSupport
import Testing

/// An access table beside the rights themselves, with answers that are given at one moment and arrive at a later one.
private struct AccessModel {
    private enum Answer {
        case key(AccessQuestion, ThingIdentity?)
        case use(AccessQuestion, Bool)
    }

    private final class Record {
        var keys: [(key: ThingKey, known: KnownKey)] = []
        var grants: [ChannelGrant] = []
        /// Calls by request; each must be called once.
        var calls: [Int: Int] = [:]
        var order: [AccessQuestion.Subject: [Int]] = [:]
    }

    private let asked = AskedTable(maximumAge: 50, capacity: 1_000)
    private let record = Record()
    private var rights = Rights()
    private var things: [ThingIdentity] = []
    private var allKeys: [ThingKey] = []
    private let channels = (0..<4).map { _ in ChannelID.random() }
    private var unanswered: [AccessQuestion] = []
    private var underWay: [Answer] = []
    private(set) var requests = 0

    init(using random: inout SeededGenerator) {
        for _ in 0..<3 {
            let tenant = Tenant.ID.random()
            for _ in 0..<3 {
                let (thing, key) = rights.addThing(tenant: tenant)
                things.append(thing)
                allKeys.append(key)
                for channel in channels where Bool.random(using: &random) { rights.connect(thing, channel) }
            }
        }
    }

    mutating func step(using random: inout SeededGenerator) {
        switch Int.random(in: 0..<24, using: &random) {
        case 0...3: identify(random.pick(allKeys))
        case 4...7: authorize(random.pick(things), random.pick(channels))
        case 8...11: decide(using: &random)
        case 12...15: deliver(using: &random)
        case 16...21: give(using: &random)
        case 22:
            asked.now += UInt64.random(in: 0..<20, using: &random)
            asked.table.giveUp(askedBefore: asked.now - min(asked.now, 60), at: asked.now)
        default: take(using: &random)
        }
        unanswered += asked.takeQuestions()
    }

    private mutating func identify(_ key: ThingKey) {
        let (request, record) = (begin(), record)
        asked.table.identify(key, at: asked.now) { answer in
            record.calls[request, default: 0] += 1
            record.order[.key(key), default: []].append(request)
            if case .granted(let known) = answer { record.keys.append((key, known)) }
        }
    }

    private mutating func authorize(_ thing: ThingIdentity, _ channel: ChannelID) {
        let (request, record) = (begin(), record)
        asked.table.authorize(thing, channel, at: asked.now) { answer in
            record.calls[request, default: 0] += 1
            record.order[.use(thing, channel), default: []].append(request)
            if case .granted(let grant) = answer { record.grants.append(grant) }
        }
    }

    private mutating func begin() -> Int {
        requests += 1
        return requests
    }

    /// The service looks at the rights as they are now; its answer travels.
    private mutating func decide(using random: inout SeededGenerator) {
        guard !unanswered.isEmpty else { return }
        let question = unanswered.remove(at: Int.random(in: 0..<unanswered.count, using: &random))
        switch question.subject {
        case .key(let key): underWay.append(.key(question, rights.owner(of: key)))
        case .use(let thing, let channel): underWay.append(.use(question, rights.allows(thing.thing, channel)))
        }
    }

    private mutating func deliver(using random: inout SeededGenerator) {
        guard !underWay.isEmpty else { return }
        switch underWay.remove(at: Int.random(in: 0..<underWay.count, using: &random)) {
        case .key(let question, let owner): asked.table.answered(question, identity: .success(owner), at: asked.now)
        case .use(let question, let allowed): asked.table.answered(question, allowed: .success(allowed), at: asked.now)
        }
    }

    private mutating func give(using random: inout SeededGenerator) {
        let thing = random.pick(things)
        for _ in 0..<3 { rights.connect(random.pick(things), random.pick(channels)) }
        // Mostly a key that it or another thing had before.
        let key = random.pick(allKeys.suffix(30) + [.random()])
        guard Int.random(in: 0..<4, using: &random) == 0, rights.owner(of: key) == nil else { return }
        rights.apply(.keyChanged(thing.thing))
        asked.table.apply(.keyChanged(thing.thing))
        rights.setKey(key, of: thing)
        allKeys.append(key)
    }

    private mutating func take(using random: inout SeededGenerator) {
        let thing = random.pick(things)
        let channel = random.pick(channels)
        let event = random.pick([
            AccessEvent.thingRemoved(thing.thing), .keyChanged(thing.thing), .disconnected(thing.thing, channel),
            .disconnected(thing.thing, channel), .channelRemoved(channel), .tenantRemoved(thing.tenant),
        ])
        rights.apply(event)
        asked.table.apply(event)
    }

    /// Answers everything that is open.
    mutating func settle(using random: inout SeededGenerator) {
        while !unanswered.isEmpty || !underWay.isEmpty {
            decide(using: &random)
            deliver(using: &random)
            unanswered += asked.takeQuestions()
        }
    }

    /// What a live right claims and the rights deny; nil if there is none.
    func wrong() -> String? {
        for (key, known) in record.keys where known.isLive && rights.owner(of: key) != known.identity {
            return "a key of \(known.identity.thing) is alive"
        }
        for grant in record.grants where grant.isLive && !rights.allows(grant.identity.thing, grant.channel) {
            return "a grant of \(grant.identity.thing) is alive"
        }
        return nil
    }

    /// What is wrong with the calls back; nil if nothing is.
    func unlawfulCalls() -> String? {
        guard record.calls.count == requests else { return "\(requests - record.calls.count) were never called" }
        guard record.calls.values.allSatisfy({ $0 == 1 }) else { return "called twice" }
        return record.order.values.allSatisfy { $0 == $0.sorted() } ? nil : "called out of order"
    }

    var grants: Int { record.grants.count }
}

@Suite struct AccessModelTests {
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func nothingThatWasTakenAwayIsEverAlive(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var model = AccessModel(using: &random)
        for step in 0..<1_500 {
            model.step(using: &random)
            if let wrong = model.wrong() {
                Issue.record("step \(step): \(wrong)")
                return
            }
        }
        model.settle(using: &random)

        #expect(model.wrong() == nil)
        #expect(model.unlawfulCalls() == nil)
        #expect(model.grants > 30)
    }
}
