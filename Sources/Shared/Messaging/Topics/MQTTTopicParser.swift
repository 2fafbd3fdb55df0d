internal import Model
package import NIOCore

/// The one reader of MQTT topic names and filters: `channels/<id>/messages[/<subtopic>][/ct/<encoded type>]`.
package enum MQTTTopicParser {
    private static let slash = UInt8(ascii: "/")

    /// Reads the name of a PUBLISH or of a will. A content type given beside it (MQTT 5) goes before the one in the name.
    package static func topic(_ name: ByteBufferView, contentType: String? = nil) throws(TopicError) -> Topic {
        guard let text = String(validating: name, as: UTF8.self) else { throw .notUTF8 }
        let (channel, rest) = try split(text)
        let (path, suffix) = cutType(rest)
        return try Topic(
            channel: channel,
            subtopic: try Subtopic(path),
            contentType: contentType ?? suffix.map(ContentTypeSuffix.decode) ?? ""
        )
    }

    /// Reads a filter of a SUBSCRIBE. The channel must be named; wildcards stand below it only.
    package static func filter(_ text: String) throws(TopicError) -> TopicFilter {
        guard !text.hasPrefix("$") else { throw .notAMessageTopic }
        let (channel, rest) = try split(text)
        let (path, suffix) = cutType(rest)
        if let suffix, SubtopicLevels.holdsWildcard(suffix) { throw .misplacedWildcard }
        return TopicFilter(
            channel: channel,
            subtopic: try SubtopicFilter(mqttStyle: path),
            contentType: suffix.map { ExactText(String($0)) }
        )
    }

    /// The channel and what follows `messages`.
    private static func split(_ text: String) throws(TopicError) -> (ChannelID, Substring) {
        let parts = text.utf8.split(separator: slash, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0].elementsEqual("channels".utf8), parts[2].elementsEqual("messages".utf8) else {
            throw .notAMessageTopic
        }
        guard let channel = UniqueID(ascii: parts[1]) else { throw .notAChannel }
        return (ChannelID(channel), parts.count == 4 ? Substring(parts[3]) : "")
    }

    /// Cuts `/ct/<type>` off the end, if it is there.
    private static func cutType(_ rest: Substring) -> (path: Substring, type: Substring?) {
        let parts = rest.utf8.split(separator: slash, omittingEmptySubsequences: false)
        guard let type = parts.last, !type.isEmpty, !type.elementsEqual("#".utf8),
            let mark = parts.dropLast().last, mark.elementsEqual("ct".utf8)
        else { return (rest, nil) }
        return (rest[..<mark.startIndex], Substring(type))
    }
}
