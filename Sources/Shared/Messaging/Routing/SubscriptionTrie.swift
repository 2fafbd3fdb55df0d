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

    private struct Node {
        var exact: [Entry] = []
        var below: [Entry] = []
        var belowAndSelf: [Entry] = []
        var children: [ExactText: Node] = [:]
        var any: [Node] = []

        var isEmpty: Bool {
            exact.isEmpty && below.isEmpty && belowAndSelf.isEmpty && children.isEmpty && any.isEmpty
        }
    }

    private var roots: [ChannelID: Node] = [:]
    /// Changes with every subscription made, replaced or ended: what was matched before may be wrong after.
    package private(set) var generation = 0

    package init() {}

    package var isEmpty: Bool { roots.isEmpty }

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
        return Self.insert(
            Entry(holder: holder, subscription: subscription),
            filter,
            filter.levels[...],
            into: &roots[channel, default: Node()]
        )
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
            return insert(entry, into: &node[keyPath: entries(filter.tail)])
        case .any:
            if node.any.isEmpty { node.any.append(Node()) }
            return insert(entry, filter, levels.dropFirst(), into: &node.any[0])
        case .literal(let level):
            return insert(entry, filter, levels.dropFirst(), into: &node.children[level, default: Node()])
        }
    }

    private static func insert(_ entry: Entry, into entries: inout [Entry]) -> Bool {
        if let index = entries.firstIndex(where: { $0.holder == entry.holder }) {
            entries[index] = entry
            return false
        }
        entries.append(entry)
        return true
    }

    private static func remove(
        _ holder: Holder,
        _ filter: SubtopicFilter,
        _ levels: ArraySlice<SubtopicFilter.Level>,
        from node: inout Node
    ) -> Bool {
        switch levels.first {
        case nil:
            let path = entries(filter.tail)
            guard let index = node[keyPath: path].firstIndex(where: { $0.holder == holder }) else { return false }
            node[keyPath: path].remove(at: index)
            return true
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

    private static func entries(_ tail: SubtopicFilter.Tail) -> WritableKeyPath<Node, [Entry]> {
        switch tail {
        case .exact: \.exact
        case .below: \.below
        case .belowAndSelf: \.belowAndSelf
        }
    }

    private static func match(_ node: Node, _ levels: ArraySlice<ExactText>, _ body: (Subscription) -> Void) {
        for entry in node.belowAndSelf { body(entry.subscription) }
        guard let level = levels.first else {
            for entry in node.exact { body(entry.subscription) }
            return
        }
        for entry in node.below { body(entry.subscription) }
        if let child = node.children[level] { match(child, levels.dropFirst(), body) }
        if let child = node.any.first { match(child, levels.dropFirst(), body) }
    }
}
