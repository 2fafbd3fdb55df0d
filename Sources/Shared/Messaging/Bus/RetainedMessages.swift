package import Model

/// The last message of each topic whose publisher wanted it kept for later subscribers [MQTT-3.3.1-5].
package protocol RetainedMessages: Sendable {
    /// Keeps the message in the place of the one before it, or removes that if this one is empty [MQTT-3.3.1-6],
    /// [MQTT-3.3.1-7]. What is read from then on finds it so.
    func retain(_ message: Message, of tenant: Tenant.ID)

    /// Finds some of the messages that match, in the order of their subtopics, without those that are too old.
    ///
    /// - Parameters:
    ///   - place: where the page before ended; nil: from the first one on.
    ///   - then: called once, on any thread; nil if they can't be read now.
    func read(
        _ channel: ChannelID,
        _ filter: SubtopicFilter,
        after place: ExactText?,
        then: @escaping @Sendable (RetainedPage?) -> Void
    )
}

/// Some of the messages that are retained.
package struct RetainedPage: Sendable {
    package let messages: [Message]
    /// Where it ended; nil: there are no more.
    package let end: ExactText?

    package init(messages: [Message], end: ExactText?) {
        self.messages = messages
        self.end = end
    }
}
