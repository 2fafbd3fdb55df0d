package import Model

/// Who wants what: the subscriptions of one event loop, by channel and then by level of the subtopic.
///
/// A value of plain dictionaries; confined to its loop. `Subscription` is what the adapter wants back for a match.
package struct SubscriptionTrie<Subscription> {
    /// A subscriber's handle, unique in the trie.
    package typealias Holder = ObjectIdentifier

    /// One filter of one holder.
    private struct Entry {
        let holder: Holder
        var subscription: Subscription
    }

    /// Those of one filter. Few are looked through; of many it is known where each stands.
    private struct Entries {
        private static var few: Int { 16 }

        private(set) var all: [Entry] = []
        private var places: [Holder: Int] = [:]

        var isEmpty: Bool { all.isEmpty }

        /// Answers whether it is new.
        mutating func insert(_ entry: Entry) -> Bool {
            if let place = place(of: entry.holder) {
                all[place] = entry
                return false
            }
            all.append(entry)
            if !places.isEmpty {
                places[entry.holder] = all.count - 1
            } else if all.count > Self.few {
                for (place, entry) in all.enumerated() { places[entry.holder] = place }
            }
            return true
        }

        /// Answers whether there was one. The last takes its place.
        mutating func remove(_ holder: Holder) -> Bool {
            guard let place = place(of: holder), let last = all.popLast() else { return false }
            places[holder] = nil
            guard place < all.count else { return true }
            all[place] = last
            if !places.isEmpty { places[last.holder] = place }
            return true
        }

        private func place(of holder: Holder) -> Int? {
            places.isEmpty ? all.firstIndex { $0.holder == holder } : places[holder]
        }
    }

    private struct Node {
        var exact = Entries()
        var below = Entries()
        var belowAndSelf = Entries()
        var children: [ExactText: Node] = [:]
        var any: [Node] = []

        var isEmpty: Bool {
            exact.isEmpty && below.isEmpty && belowAndSelf.isEmpty && children.isEmpty && any.isEmpty
        }
    }

    private var roots: [ChannelID: Node] = [:]
    /// Changes with every subscription made, replaced or ended: what was matched before may be wrong after.
    package private(set) var generation = 0
    /// How many there are; a number, because ``isEmpty`` is asked for every message.
    private var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// Adds a subscription, or replaces the one that the holder has under the same filter.
    ///
    /// - Returns: whether it is new.
    @discardableResult
    package mutating func insert(
        _ subscription: Subscription,
        of holder: Holder,
        to channel: ChannelID,
        _ filter: SubtopicFilter
    ) -> Bool {
        generation &+= 1
        let isNew = Self.insert(
            Entry(holder: holder, subscription: subscription),
            filter,
            filter.levels[...],
            into: &roots[channel, default: Node()]
        )
        if isNew { count += 1 }
        return isNew
    }

    /// Ends a subscription.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    package mutating func remove(_ holder: Holder, from channel: ChannelID, _ filter: SubtopicFilter) -> Bool {
        guard let index = roots.index(forKey: channel) else { return false }
        generation &+= 1
        // In place: a copy of the node would copy all its subscribers.
        let removed = Self.remove(holder, filter, filter.levels[...], from: &roots.values[index])
        if roots.values[index].isEmpty { roots.remove(at: index) }
        if removed { count -= 1 }
        return removed
    }

    /// Calls the body with every subscription that matches, in no order, a holder once for each of its filters.
    package func forEachMatch(_ channel: ChannelID, _ subtopic: Subtopic, _ body: (Subscription) -> Void) {
        guard let root = roots[channel] else { return }
        Self.match(root, subtopic.levels[...], body)
    }

    private static func insert(
        _ entry: Entry,
        _ filter: SubtopicFilter,
        _ levels: ArraySlice<SubtopicFilter.Level>,
        into node: inout Node
    ) -> Bool {
        switch levels.first {
        case nil:
            return node[keyPath: entries(filter.tail)].insert(entry)
        case .any:
            if node.any.isEmpty { node.any.append(Node()) }
            return insert(entry, filter, levels.dropFirst(), into: &node.any[0])
        case .literal(let level):
            return insert(entry, filter, levels.dropFirst(), into: &node.children[level, default: Node()])
        }
    }

    private static func remove(
        _ holder: Holder,
        _ filter: SubtopicFilter,
        _ levels: ArraySlice<SubtopicFilter.Level>,
        from node: inout Node
    ) -> Bool {
        switch levels.first {
        case nil:
            return node[keyPath: entries(filter.tail)].remove(holder)
        case .any:
            guard !node.any.isEmpty else { return false }
            let removed = remove(holder, filter, levels.dropFirst(), from: &node.any[0])
            if node.any[0].isEmpty { node.any.removeAll() }
            return removed
        case .literal(let level):
            guard let index = node.children.index(forKey: level) else { return false }
            let removed = remove(holder, filter, levels.dropFirst(), from: &node.children.values[index])
            if node.children.values[index].isEmpty { node.children.remove(at: index) }
            return removed
        }
    }

    private static func entries(_ tail: SubtopicFilter.Tail) -> WritableKeyPath<Node, Entries> {
        switch tail {
        case .exact: \.exact
        case .below: \.below
        case .belowAndSelf: \.belowAndSelf
        }
    }

    private static func match(_ node: Node, _ levels: ArraySlice<ExactText>, _ body: (Subscription) -> Void) {
        for entry in node.belowAndSelf.all { body(entry.subscription) }
        guard let level = levels.first else {
            for entry in node.exact.all { body(entry.subscription) }
            return
        }
        for entry in node.below.all { body(entry.subscription) }
        if let child = node.children[level] { match(child, levels.dropFirst(), body) }
        if let child = node.any.first { match(child, levels.dropFirst(), body) }
    }
}
