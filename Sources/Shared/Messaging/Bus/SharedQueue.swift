internal import DequeModule
internal import Model

/// What waits for the members of one group, and who has what.
package struct SharedQueue {
    private struct Member {
        let number: UInt64
        var credit = 0
        /// By place.
        var has: [UInt64: Message] = [:]
    }

    /// Up to here the log has been read.
    package private(set) var position: UInt64
    private var waiting: Deque<Message> = []
    /// What members have left, the earliest first; before what waits.
    private var returned: [Message] = []
    /// Who gets the next one stands first.
    private var members: Deque<Member> = []
    /// Whether the log may have something behind ``position``.
    private var hasMore = true
    /// Behind which place a page is being read.
    private var awaited: UInt64?

    package init(from place: UInt64) { position = place }

    /// All up to here is done with.
    package var floor: UInt64 {
        let left = members.lazy.flatMap { $0.has.keys }.min() ?? .max
        let next = min(left, returned.first?.place ?? .max, waiting.first?.place ?? .max)
        return next == .max ? position : next - min(1, next)
    }

    package mutating func join(_ number: UInt64) { members.append(Member(number: number)) }

    package mutating func leave(_ number: UInt64) {
        guard let index = members.firstIndex(where: { $0.number == number }) else { return }
        giveBack(members.remove(at: index).has.values)
    }

    package mutating func ask(for count: Int, by number: UInt64) {
        guard let index = members.firstIndex(where: { $0.number == number }) else { return }
        members[index].credit += count
    }

    package mutating func settle(_ place: UInt64, by number: UInt64, isDone: Bool) {
        guard let index = members.firstIndex(where: { $0.number == number }),
            let message = members[index].has.removeValue(forKey: place), !isDone
        else { return }
        giveBack([message])
    }

    private mutating func giveBack(_ messages: some Sequence<Message>) {
        returned += messages
        returned.sort { $0.place < $1.place }
    }

    /// The log has got something.
    package mutating func hasNews() { hasMore = true }

    /// Where the next page is to be read from; nil while none is needed.
    package mutating func nextPage() -> UInt64? {
        guard hasMore, awaited == nil, waiting.isEmpty, returned.isEmpty, members.contains(where: { $0.credit > 0 })
        else {
            return nil
        }
        (awaited, hasMore) = (position, false)
        return position
    }

    /// - Parameters:
    ///   - page: nil: it couldn't be read, and is to be tried again.
    ///   - place: behind which it was read; one that isn't awaited is another queue's.
    package mutating func read(_ page: LogPage?, after place: UInt64, of filter: TopicFilter) {
        guard place == awaited else { return }
        awaited = nil
        guard let page else { return hasMore = true }
        position = max(position, page.end)
        if !page.isLast { hasMore = true }
        waiting += page.messages.lazy.filter { filter.matches($0.topic) }
    }

    // MARK: What somebody else reads

    /// How many messages are to be fetched, so that all get what they have asked for.
    package var wanted: Int {
        max(0, members.reduce(0) { $0 + $1.credit } - waiting.count - returned.count)
    }

    /// A message was fetched.
    package mutating func received(_ message: Message) { waiting.append(message) }

    /// Gives up what nobody here takes now.
    package mutating func surrender() -> [Message] {
        guard !members.contains(where: { $0.credit > 0 }) else { return [] }
        defer { (returned, waiting) = ([], []) }
        return returned + waiting
    }

    // MARK: What they get

    /// Hands out what can be: to each member in its turn.
    package mutating func handOut() -> [(number: UInt64, messages: [Message])] {
        var given: [(number: UInt64, messages: [Message])] = []
        while !(returned.isEmpty && waiting.isEmpty), let index = members.firstIndex(where: { $0.credit > 0 }) {
            var member = members.remove(at: index)
            guard let next = returned.isEmpty ? waiting.popFirst() : returned.removeFirst() else { break }
            member.credit -= 1
            member.has[next.place] = next
            members.append(member)
            if let known = given.firstIndex(where: { $0.number == member.number }) {
                given[known].messages.append(next)
            } else {
                given.append((member.number, [next]))
            }
        }
        return given
    }
}
