package import Model
package import NIOCore

/// Which names MQTT clients may use.
package enum MQTTTopics: Sendable {
    /// `channels/<id>/messages[/<subtopic>][/ct/<encoded type>]`: ``MQTTTopicParser``.
    case ofChannels
    /// Any, as the standard has them: for conformance suites. They are subtopics of two channels that no account has.
    case any

    /// Reads the name of a PUBLISH or of a will. A content type given beside it (MQTT 5) goes before the one in the name.
    package func topic(_ name: ByteBufferView, contentType: String? = nil) throws(TopicError) -> Topic {
        switch self {
        case .ofChannels: return try MQTTTopicParser.topic(name, contentType: contentType)
        case .any:
            guard let text = String(validating: name, as: UTF8.self) else { throw .notUTF8 }
            return try Topic(anyName: text, contentType: contentType ?? "")
        }
    }

    /// Reads a filter of a SUBSCRIBE.
    package func filter(_ text: String) throws(TopicError) -> TopicFilter {
        switch self {
        case .ofChannels: try MQTTTopicParser.filter(text)
        case .any: TopicFilter(channel: Self.channel(of: text), subtopic: try SubtopicFilter(any: text))
        }
    }

    private static let plain = ChannelID(UniqueID(high: 0, low: 1))
    /// Of names that begin with `$`: no wildcard at a filter's beginning matches them [MQTT-4.7.2-1].
    private static let hidden = ChannelID(UniqueID(high: 0, low: 2))

    static func channel(of name: String) -> ChannelID { name.utf8.first == UInt8(ascii: "$") ? hidden : plain }

    /// Whether the channel holds such names.
    package static func isOfAny(_ channel: ChannelID) -> Bool { channel == plain || channel == hidden }
}
