package import Model
package import NIOCore

/// Where a message goes: a channel, a subtopic and the type of its content, with the names under which MQTT clients know
/// it. Made once for many messages; what follows on the way only compares.
package final class Topic: Sendable {
    package let channel: ChannelID
    package let subtopic: Subtopic
    /// Most bytes of a content type.
    package static let maximumContentType = 1_024

    /// As the publisher gave it; may be empty. MQTT clients may take control characters in it for a malformed packet (MQTT 5,
    /// section 1.5.4), so it holds none.
    package let contentType: ExactText
    /// `channels/<id>/messages[/<subtopic>]`
    package let plainName: ByteBuffer
    /// The plain name with `/ct/<encoded type>`, if there is a type.
    package let typedName: ByteBuffer
    /// Equal topics have equal hashes.
    package let hash: Int

    package init(
        channel: ChannelID,
        subtopic: Subtopic = .none,
        contentType: String = ""
    ) throws(TopicError) {
        guard Self.isAllowed(contentType: contentType) else { throw .badContentType }
        self.channel = channel
        self.subtopic = subtopic
        self.contentType = ExactText(contentType)
        let plain = subtopic.levels.reduce(into: "channels/\(channel)/messages") { $0 += "/" + $1.text }
        self.plainName = ByteBuffer(string: plain)
        self.typedName =
            contentType.isEmpty
            ? plainName : ByteBuffer(string: plain + "/ct/" + ContentTypeSuffix.encode(contentType))
        self.hash = Self.hash(channel, subtopic, self.contentType)
    }

    /// A topic of ``MQTTTopics/any``: its name is its own.
    init(anyName name: String, contentType: String) throws(TopicError) {
        guard Self.isAllowed(contentType: contentType) else { throw .badContentType }
        self.channel = MQTTTopics.channel(of: name)
        self.subtopic = try Subtopic(any: name)
        self.contentType = ExactText(contentType)
        self.plainName = ByteBuffer(string: name)
        self.typedName = plainName
        self.hash = Self.hash(channel, subtopic, self.contentType)
    }

    private static func hash(_ channel: ChannelID, _ subtopic: Subtopic, _ contentType: ExactText) -> Int {
        var hasher = Hasher()
        hasher.combine(channel)
        hasher.combine(subtopic.dotted)
        hasher.combine(contentType)
        return hasher.finalize()
    }

    private static func isAllowed(contentType: String) -> Bool {
        contentType.utf8.count <= maximumContentType
            && contentType.unicodeScalars.allSatisfy { scalar in
                switch scalar.value {
                case 0x20...0x7E: true
                case 0...0x9F: false
                default: !scalar.properties.isNoncharacterCodePoint
                }
            }
    }
}

extension Topic: Hashable {
    package static func == (left: Topic, right: Topic) -> Bool {
        left === right
            || left.hash == right.hash && left.channel == right.channel
                && left.subtopic.dotted == right.subtopic.dotted && left.contentType == right.contentType
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(hash)
    }
}

/// The form in which a content type stands in an MQTT topic: `application/senml+json` is `application_senml-json`.
package enum ContentTypeSuffix {
    package static func encode(_ type: String) -> String {
        String(String.UnicodeScalarView(type.unicodeScalars.map { $0 == "/" ? "_" : $0 == "+" ? "-" : $0 }))
    }

    /// Turns the first `_` and the first `-` back; types that hold these themselves can't be named in a topic.
    package static func decode(_ suffix: Substring) -> String {
        var type = Array(suffix.unicodeScalars)
        if let position = type.firstIndex(of: "_") { type[position] = "/" }
        if let position = type.firstIndex(of: "-") { type[position] = "+" }
        return String(String.UnicodeScalarView(type))
    }
}
