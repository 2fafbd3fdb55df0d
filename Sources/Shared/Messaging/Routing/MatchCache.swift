/// The matches of the topics that were published to last, so that the trie is walked once for a run of messages.
///
/// Direct-mapped: a topic has one place, and a newer one takes it over. Public and inlinable, because it is looked at for every
/// message: the compiler specializes nothing of another module that is for the package alone, and that would ask the runtime for
/// metadata each time.
public struct MatchCache<Topic: Equatable, Matches> {
    @usableFromInline
    struct Line {
        @usableFromInline let topic: Topic
        @usableFromInline let generation: Int
        @usableFromInline let matches: Matches

        @inlinable
        init(topic: Topic, generation: Int, matches: Matches) {
            self.topic = topic
            self.generation = generation
            self.matches = matches
        }
    }

    @inlinable
    static var size: Int { 256 }

    @usableFromInline var lines: [Line?] = []

    /// Nothing is known.
    @inlinable
    public init() {}

    /// The matches of a topic, found by `find` if they aren't known for this generation of the trie.
    ///
    /// - Parameter hash: of the topic, counted once for many messages.
    @inlinable
    public mutating func matches(of topic: Topic, hash: Int, generation: Int, find: () -> Matches) -> Matches {
        let index = hash & (Self.size - 1)
        if lines.isEmpty { lines = Array(repeating: nil, count: Self.size) }
        if let line = lines[index], line.generation == generation, line.topic == topic { return line.matches }
        let matches = find()
        lines[index] = Line(topic: topic, generation: generation, matches: matches)
        return matches
    }
}
