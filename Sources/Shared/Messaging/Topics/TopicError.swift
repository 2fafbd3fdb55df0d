/// Why a topic, a path or a filter isn't one of ours.
package enum TopicError: Error, Equatable {
    /// It doesn't have the shape `channels/<id>/messages[/<subtopic>]`.
    case notAMessageTopic
    /// The channel is no UUID.
    case notAChannel
    /// The bytes aren't UTF-8.
    case notUTF8
    /// A percent escape is broken (RFC 3986 section 2.1).
    case brokenEscape
    /// A control character, a blank or DEL.
    case forbiddenCharacter
    /// `*`, `>`, `+` or `#` where none may stand.
    case misplacedWildcard
    /// Longer or deeper than ``Subtopic`` allows.
    case tooLong
}
