package import Model

/// What a subscriber wants of a channel.
package struct TopicFilter: Hashable, Sendable {
    package let channel: ChannelID
    package let subtopic: SubtopicFilter
    /// The encoded type of a filter that ends in `/ct/<type>`: only that type, delivered under the typed name.
    package let contentType: ExactText?

    package init(channel: ChannelID, subtopic: SubtopicFilter, contentType: ExactText? = nil) {
        self.channel = channel
        self.subtopic = subtopic
        self.contentType = contentType
    }

    package func matches(_ topic: Topic) -> Bool {
        guard channel == topic.channel, subtopic.matches(topic.subtopic) else { return false }
        guard let contentType else { return true }
        return !topic.contentType.text.isEmpty
            && contentType == ExactText(ContentTypeSuffix.encode(topic.contentType.text))
    }
}
