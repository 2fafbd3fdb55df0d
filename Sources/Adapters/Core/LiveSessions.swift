package import Model

/// The sessions of one event loop by the thing that opened them, so that they can be found when a right is taken.
package struct LiveSessions<Session: AnyObject> {
    private var byThing: [Thing.ID: [ObjectIdentifier: Session]] = [:]
    package private(set) var count = 0

    package init() {}

    package mutating func insert(_ session: Session, of thing: Thing.ID) {
        if byThing[thing, default: [:]].updateValue(session, forKey: ObjectIdentifier(session)) == nil { count += 1 }
    }

    /// Answers whether it was there.
    @discardableResult
    package mutating func remove(_ session: Session, of thing: Thing.ID) -> Bool {
        guard byThing[thing]?.removeValue(forKey: ObjectIdentifier(session)) != nil else { return false }
        count -= 1
        if byThing[thing]?.isEmpty == true { byThing[thing] = nil }
        return true
    }

    /// The thing's sessions, as a copy: they may be removed while it is walked.
    package func sessions(of thing: Thing.ID) -> [Session] {
        byThing[thing].map { Array($0.values) } ?? []
    }

    /// All sessions, as a copy.
    package var all: [Session] {
        byThing.values.flatMap(\.values)
    }
}
