/// The matches of the topics that were published to last, so that the trie is walked once for a run of messages.
///
/// Direct-mapped: a topic has one place, and a newer one takes it over.
package struct MatchCache<Matches> {
    private struct Line {
        let topic: Topic
        let generation: Int
        let matches: Matches
    }

    private static var size: Int { 256 }
    private var lines: [Line?] = []

    package init() {}

    /// The matches of a topic, found by `find` if they aren't known for this generation of the trie.
    package mutating func matches(of topic: Topic, generation: Int, find: () -> Matches) -> Matches {
        let index = topic.hash & (Self.size - 1)
        if lines.isEmpty { lines = Array(repeating: nil, count: Self.size) }
        if let line = lines[index], line.generation == generation, line.topic == topic { return line.matches }
        let matches = find()
        lines[index] = Line(topic: topic, generation: generation, matches: matches)
        return matches
    }
}
