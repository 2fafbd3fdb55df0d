internal import MQTTAdapter
internal import Messaging
internal import Model

/// ``AccessControl`` with one identity more, which may use the topics of ``MQTTTopics/any`` and nothing else.
struct OpenAccess: AccessControl {
    let key: ThingKey
    let rest: any AccessControl
    private let identity = ThingIdentity(thing: .random(), tenant: .random())

    init(key: ThingKey, rest: any AccessControl) {
        self.key = key
        self.rest = rest
    }

    func decide(_ questions: [AccessQuestion.Subject]) async -> [Result<ThingIdentity?, AccessUnavailable>] {
        let open = questions.map(decide)
        var others = await rest.decide(zip(questions, open).compactMap { $1 == nil ? $0 : nil })[...]
        return open.map { $0.map { .success($0) } ?? others.popFirst() ?? .failure(AccessUnavailable()) }
    }

    /// Nil if it isn't about this identity; in it: whether it may.
    private func decide(_ question: AccessQuestion.Subject) -> ThingIdentity?? {
        switch question {
        case .key(let key): key == self.key ? .some(identity) : nil
        case .use(let identity, let channel):
            identity.thing == self.identity.thing ? .some(MQTTTopics.isOfAny(channel) ? identity : nil) : nil
        }
    }
}
