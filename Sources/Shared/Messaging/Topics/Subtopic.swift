/// Where in a channel a message goes: levels without wildcards, possibly none.
///
/// Levels are separated by `/` or `.` on the way in, empty ones are dropped, and the dotted form is the one that travels:
/// `/a//b`, `/a.b` and `/a/b/` are all `a.b`. A level holds no control characters, blanks or wildcards, so that no
/// subtopic can be mistaken for anything else by whatever carries it.
package struct Subtopic: Hashable, Sendable {
    /// Most bytes on the way in.
    package static let maximumLength = 1_024
    /// Most levels.
    package static let maximumDepth = 64

    package let levels: [ExactText]
    package let dotted: ExactText

    package static let none = Subtopic()

    private init() {
        self.levels = []
        self.dotted = ""
    }

    /// Reads a decoded subtopic, as `/a/b`.
    package init(_ text: Substring) throws(TopicError) {
        let levels = try SubtopicLevels.split(text)
        guard !levels.contains(where: SubtopicLevels.holdsWildcard) else { throw .misplacedWildcard }
        self.levels = levels.map { ExactText(String($0)) }
        self.dotted = ExactText(levels.joined(separator: "."))
    }
}

// Names of ``MQTTTopics/any``.
extension Subtopic {
    /// All of a topic's levels, empty ones too; the name itself travels.
    init(any name: String) throws(TopicError) {
        levels = try SubtopicLevels.splitAny(name)
        dotted = ExactText(name)
        guard !levels.contains(where: { SubtopicLevels.holdsMQTTWildcard($0.text) }) else { throw .misplacedWildcard }
    }
}

/// What subtopics and their filters have in common. Everything looks at bytes, not at characters: a slash with a combining
/// accent after it is still a slash.
enum SubtopicLevels {
    /// The levels that aren't empty; throws on bytes that can't stand in one.
    static func split(_ text: Substring) throws(TopicError) -> [Substring] {
        guard text.utf8.count <= Subtopic.maximumLength else { throw .tooLong }
        for scalar in text.unicodeScalars where !isAllowed(scalar) { throw .forbiddenCharacter }
        let levels = text.utf8.split { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: ".") }
        guard levels.count <= Subtopic.maximumDepth else { throw .tooLong }
        return levels.map { Substring($0) }
    }

    /// The levels of any name [MQTT-4.7.3-1].
    static func splitAny(_ name: String) throws(TopicError) -> [ExactText] {
        guard !name.isEmpty, name.utf8.count <= Subtopic.maximumLength else { throw .tooLong }
        let levels = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard levels.count <= Subtopic.maximumDepth else { throw .tooLong }
        return levels.map { ExactText(String(Substring($0))) }
    }

    static func holdsMQTTWildcard(_ level: String) -> Bool {
        level.utf8.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
    }

    static func holdsWildcard(_ level: Substring) -> Bool {
        level.utf8.contains { byte in
            byte == UInt8(ascii: "*") || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "+")
                || byte == UInt8(ascii: "#")
        }
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x21...0x7E: true
        case 0...0x9F: false
        default: !scalar.properties.isWhitespace && !scalar.properties.isNoncharacterCodePoint
        }
    }
}
