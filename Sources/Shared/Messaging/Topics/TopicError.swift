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
    /// The content type holds control characters, or is longer than ``Topic`` allows.
    case badContentType
}

extension TopicError {
    /// A sentence for whoever sent it.
    package var explanation: String {
        switch self {
        case .notAMessageTopic: "not of the form channels/<id>/messages[/<subtopic>]"
        case .notAChannel: "the channel id is no UUID"
        case .notUTF8: "malformed subtopic: not UTF-8"
        case .brokenEscape: "malformed subtopic: broken percent escape"
        case .forbiddenCharacter: "malformed subtopic: control characters and blanks are not allowed"
        case .misplacedWildcard: "malformed subtopic: a wildcard stands where none may"
        case .tooLong:
            "malformed subtopic: longer than \(Subtopic.maximumLength) bytes or deeper than \(Subtopic.maximumDepth) levels"
        case .badContentType:
            "malformed content type: control characters, or longer than \(Topic.maximumContentType) bytes"
        }
    }
}
