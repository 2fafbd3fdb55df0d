package import Model

/// Where messages of QoS 1 and 2 stand in one order, each at a place that is later than all before it: what sessions read
/// that outlive their connections. Only channels that somebody keeps are in it.
package protocol MessageLog: Sendable {
    /// What is published from now on gets a later place.
    var newest: UInt64 { get }

    /// From now on the channel's messages get places; each call is undone by one of ``forget(_:)``.
    func keep(_ channel: ChannelID)

    func forget(_ channel: ChannelID)

    /// Reads messages of these channels behind a place, in order.
    ///
    /// - Parameters:
    ///   - limit: most messages of one answer.
    ///   - then: called once, on any thread; nil if the log can't be read now.
    func read(_ channels: [ChannelID], after place: UInt64, limit: Int, then: @escaping @Sendable (LogPage?) -> Void)

    /// Reads the messages at these places, as far as they are still there.
    ///
    /// - Parameter then: called once, on any thread, with the messages by their places; nil if the log can't be read now.
    func read(at places: [UInt64], then: @escaping @Sendable ([UInt64: Message]?) -> Void)

    /// About how many messages of these channels there are behind a place.
    ///
    /// - Parameter then: called once, on any thread; nil if the log can't be read now.
    func count(_ channels: [ChannelID], after place: UInt64, then: @escaping @Sendable (Int?) -> Void)

    /// The messages of QoS 2 of a session that have been stored behind a place, as ``Message/exchange``.
    ///
    /// - Parameter topic: at least those on it; nil: all.
    func exchanges(of origin: UInt64, on topic: Topic?, after place: UInt64) async throws -> [UInt64]

    /// Has what gets a place from now on given to the receiver too.
    func follow(_ receiver: any LogReceiver)
}

/// A part of a ``MessageLog``.
package struct LogPage: Sendable {
    package let messages: [Message]
    /// Up to this place there are no others.
    package let end: UInt64
    /// Whether the log had nothing behind it when it was read.
    package let isLast: Bool

    package init(messages: [Message], end: UInt64, isLast: Bool) {
        self.messages = messages
        self.end = end
        self.isLast = isLast
    }
}

/// Who hears what a ``MessageLog`` gets.
package protocol LogReceiver: Sendable {
    /// Called on a thread of the log, in the order of the places; never waits.
    ///
    /// - Parameter place: the last one; there are no others up to it.
    func logged(_ messages: [Message], upTo place: UInt64)

    /// The log has lost messages, and gives their places to others.
    func lost()
}

extension LogReceiver {
    package func lost() {}
}
