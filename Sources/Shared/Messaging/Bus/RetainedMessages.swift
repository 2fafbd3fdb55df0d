package import Model

/// The last message of each topic whose publisher wanted it kept for later subscribers [MQTT-3.3.1-5].
package protocol RetainedMessages: Sendable {
    /// Keeps the message in the place of the one before it, or removes that if this one is empty [MQTT-3.3.1-6],
    /// [MQTT-3.3.1-7]. What is read from then on finds it so.
    func retain(_ message: Message, of tenant: Tenant.ID)

    /// Finds some of the messages that match, whatever their content type, in the order of their places, without those that are too old.
    ///
    /// - Parameters:
    ///   - range: which places; what is retained from then on has later ones than a page says that there are.
    ///   - limit: most messages of one answer.
    ///   - then: called once, on any thread; nil if they can't be read now.
    func read(
        _ filter: TopicFilter,
        of tenant: Tenant.ID,
        in range: RetainedRange,
        limit: Int,
        then: @escaping @Sendable (RetainedPage?) -> Void
    )

    /// Reads the messages at these places that haven't been replaced or removed.
    ///
    /// - Parameter then: called once, on any thread, with the messages by their places; nil if they can't be read now.
    func readRetained(at places: [UInt64], then: @escaping @Sendable ([UInt64: Message]?) -> Void)
}

/// What is still to be read of the messages that were retained before a subscription.
package struct RetainedRange: Equatable, Sendable, Codable {
    /// Up to here it has been.
    package var behind: UInt64
    /// What comes later comes live; `.max`: where that begins isn't known yet.
    package var upTo: UInt64

    package static let all = RetainedRange(behind: 0, upTo: .max)

    package init(behind: UInt64, upTo: UInt64) { (self.behind, self.upTo) = (behind, upTo) }
}

/// Some of the messages that are retained.
package struct RetainedPage: Sendable {
    /// Each with its place: no other ever has that, and one that replaces it a later one. Below 2^62.
    package let messages: [Message]
    /// What is left to be read; nil: nothing.
    package let rest: RetainedRange?
    /// The last place that there was when the first page was read.
    package let newest: UInt64

    /// - Parameter end: behind which place there may be more; nil: there are no more.
    package init(messages: [Message], end: UInt64?, newest: UInt64) {
        self.messages = messages
        self.rest = end.map { RetainedRange(behind: $0, upTo: newest) }
        self.newest = newest
    }
}
