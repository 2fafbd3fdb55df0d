import Messaging
import Model

/// An access table with its questions in a list, to be answered when the test wants.
final class AskedTable {
    private(set) var table: AccessTable
    private let list = List()
    var now: UInt64 = 0

    private final class List {
        var questions: [AccessQuestion] = []
        var lost: [Loss] = []
        /// The last question about each subject.
        var last: [AccessQuestion.Subject: AccessQuestion] = [:]
    }

    /// What was asked and not taken yet.
    var questions: [AccessQuestion.Subject] { list.questions.map(\.subject) }

    /// What sessions lost without an event that said so.
    var lost: [Loss] { list.lost }

    struct Loss: Equatable {
        let event: AccessEvent
        let reason: AccessLoss
    }

    convenience init(maximumAge: UInt64 = 100, capacity: Int = 1_000) {
        self.init(.always(maximumAge), capacity: capacity)
    }

    init(_ ages: AccessAges, capacity: Int = 1_000) {
        let list = list
        table = AccessTable(ages: ages, capacity: capacity) { event, reason in
            list.lost.append(Loss(event: event, reason: reason))
        } ask: { question in
            list.questions.append(question)
            list.last[question.subject] = question
        }
    }

    @discardableResult
    func takeQuestions() -> [AccessQuestion] {
        defer { list.questions = [] }
        return list.questions
    }

    // MARK: Asking

    /// The answers that have come so far.
    final class Answers<Right> {
        var list: [AccessAnswer<Right>] = []
        /// The right of the last answer, if it was granted.
        var right: Right? { if case .granted(let right)? = list.last { right } else { nil } }
        var isRefused: Bool { if case .refused? = list.last { true } else { false } }
        var isUnavailable: Bool { if case .unavailable? = list.last { true } else { false } }
    }

    func identify(_ key: ThingKey) -> Answers<KnownKey> {
        let answers = Answers<KnownKey>()
        table.identify(key, at: now) { answers.list.append($0) }
        return answers
    }

    func authorize(_ identity: ThingIdentity, _ channel: ChannelID) -> Answers<ChannelGrant> {
        let answers = Answers<ChannelGrant>()
        table.authorize(identity, channel, at: now) { answers.list.append($0) }
        return answers
    }

    /// The answers to one ``admit(_:to:)`` that have come so far.
    final class Admissions {
        var list: [AdmissionAnswer] = []
        var right: Admission? { if case .granted(let right)? = list.last { right } else { nil } }
        var isUnknownKey: Bool { if case .unknownKey? = list.last { true } else { false } }
        var isRefused: Bool { if case .refused? = list.last { true } else { false } }
        var isUnavailable: Bool { if case .unavailable? = list.last { true } else { false } }
    }

    func admit(_ key: ThingKey, to channel: ChannelID) -> Admissions {
        let answers = Admissions()
        table.admit(key, to: channel, clock: { self.now }) { answers.list.append($0) }
        return answers
    }

    // MARK: Answering

    /// The question about this that was asked last.
    func last(_ subject: AccessQuestion.Subject) -> AccessQuestion? { list.last[subject] }

    func answer(_ key: ThingKey, _ identity: ThingIdentity?) {
        if let question = last(.key(key)) { table.answered(question, identity: .success(identity), at: now) }
    }

    func answer(_ identity: ThingIdentity, _ channel: ChannelID, _ allowed: Bool) {
        guard let question = last(.use(identity, channel)) else { return }
        table.answered(question, allowed: .success(allowed), at: now)
    }

    /// Nobody can tell.
    func fail(_ subject: AccessQuestion.Subject) {
        guard let question = last(subject) else { return }
        switch subject {
        case .key: table.answered(question, identity: .failure(AccessUnavailable()), at: now)
        case .use: table.answered(question, allowed: .failure(AccessUnavailable()), at: now)
        }
    }

    /// A key that the table knows.
    func knownKey(of identity: ThingIdentity, _ key: ThingKey = .random()) -> KnownKey? {
        let answers = identify(key)
        answer(key, identity)
        return answers.right
    }

    /// A right that the table knows.
    func grant(_ identity: ThingIdentity, _ channel: ChannelID) -> ChannelGrant? {
        let answers = authorize(identity, channel)
        answer(identity, channel, true)
        return answers.right
    }
}

extension ThingIdentity {
    static func random(tenant: Tenant.ID = .random()) -> Self { Self(thing: .random(), tenant: tenant) }
}
