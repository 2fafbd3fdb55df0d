/// Which subtopics of a channel a subscriber wants.
package struct SubtopicFilter: Hashable, Sendable {
    package enum Level: Hashable, Sendable {
        case literal(ExactText)
        /// Any one level: `+` in MQTT, `*` on WebSockets.
        case any
    }

    package enum Tail: Hashable, Sendable {
        /// Nothing follows the levels.
        case exact
        /// One level or more follow: `>` on WebSockets.
        case below
        /// Nothing or anything follows: `#` in MQTT [MQTT-4.7.1-2].
        case belowAndSelf
    }

    package let levels: [Level]
    package let tail: Tail

    package init(levels: [Level], tail: Tail) {
        self.levels = levels
        self.tail = tail
    }

    /// The subtopic that this filter names, if it has no wildcards: only then can its user publish to it.
    package var literal: Subtopic? {
        guard tail == .exact else { return nil }
        var names: [String] = []
        for level in levels {
            guard case .literal(let text) = level else { return nil }
            names.append(text.text)
        }
        return try? Subtopic(names.joined(separator: "/")[...])
    }

    /// Whether it wants a subtopic.
    package func matches(_ subtopic: Subtopic) -> Bool {
        guard subtopic.levels.count >= levels.count + (tail == .below ? 1 : 0),
            tail != .exact || subtopic.levels.count == levels.count
        else { return false }
        return zip(levels, subtopic.levels).allSatisfy { $0 == .any || $0 == .literal($1) }
    }

    /// Reads a filter with NATS wildcards, as WebSocket paths have them: `*` and, last, `>`; each a whole level.
    package init(natsStyle text: Substring) throws(TopicError) {
        try self.init(text, single: "*", rest: ">", tail: .below)
    }

    /// Reads a filter with MQTT wildcards: `+` and, last, `#`; each a whole level.
    package init(mqttStyle text: Substring) throws(TopicError) {
        try self.init(text, single: "+", rest: "#", tail: .belowAndSelf)
    }

    /// Reads a filter of ``MQTTTopics/any``.
    init(any text: String) throws(TopicError) {
        var parts = try SubtopicLevels.splitAny(text)
        let isOpen = parts.last == "#"
        if isOpen { parts.removeLast() }
        let levels = try parts.map { part throws(TopicError) -> Level in
            if part == "+" { return .any }
            guard !SubtopicLevels.holdsMQTTWildcard(part.text) else { throw .misplacedWildcard }
            return .literal(part)
        }
        self.init(levels: levels, tail: isOpen ? .belowAndSelf : .exact)
    }

    private init(_ text: Substring, single: String, rest: String, tail: Tail) throws(TopicError) {
        var parts = try SubtopicLevels.split(text)[...]
        let open = parts.last.map { $0 == rest } ?? false
        if open { parts.removeLast() }
        var levels: [Level] = []
        for part in parts {
            if part == single {
                levels.append(.any)
            } else if SubtopicLevels.holdsWildcard(part) {
                throw .misplacedWildcard
            } else {
                levels.append(.literal(ExactText(String(part))))
            }
        }
        self.init(levels: levels, tail: open ? tail : .exact)
    }
}
