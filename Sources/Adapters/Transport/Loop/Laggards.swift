/// Subscribers whose queues late messages have filled half: more are brought when they have caught up. One that takes longer than
/// ``patience`` isn't waited for any more until it has.
package struct Laggards<Subscriber: AnyObject> {
    private static var patience: UInt64 { 1_000_000_000 }

    private var behind: [ObjectIdentifier: (subscriber: Subscriber, since: UInt64)] = [:]

    package init() {}

    package mutating func note(_ subscriber: Subscriber, at now: UInt64) {
        let id = ObjectIdentifier(subscriber)
        if behind[id] == nil { behind[id] = (subscriber, now) }
    }

    /// Whether one of them is to be waited for.
    ///
    /// - Parameter isBehind: whether it still is.
    package mutating func areWaitedFor(at now: UInt64, _ isBehind: (Subscriber) -> Bool) -> Bool {
        guard !behind.isEmpty else { return false }
        behind = behind.filter { isBehind($0.value.subscriber) }
        return behind.contains { now &- $0.value.since < Self.patience }
    }
}
