package import Model

/// The last message of each topic whose publisher wanted it kept for later subscribers [MQTT-3.3.1-5].
package protocol RetainedMessages: Sendable {
    /// Keeps the message in the place of the one before it, or removes that if this one is empty [MQTT-3.3.1-6],
    /// [MQTT-3.3.1-7]. What is read from then on finds it so.
    func retain(_ message: Message, of tenant: Tenant.ID)

    /// Finds the first of the messages that match, whatever their content type, without those that are too old.
    ///
    /// - Parameter then: called once, on any thread; nil if they can't be read now.
    func read(_ filter: TopicFilter, of tenant: Tenant.ID, then: @escaping @Sendable (RetainedPage?) -> Void)
}

/// Some of the messages that are retained.
package struct RetainedPage: Sendable {
    /// Reads the page behind it, as ``RetainedMessages/read(_:of:then:)`` does the first.
    package typealias Next = @Sendable (_ then: @escaping @Sendable (RetainedPage?) -> Void) -> Void

    package let messages: [Message]
    /// Nil: there are no more.
    package let next: Next?

    package init(messages: [Message], next: Next?) {
        self.messages = messages
        self.next = next
    }
}
