internal import Messaging

/// A filter as a client writes it: of its own, or `$share/<name>/<filter>`, which it shares with others (MQTT 5, section 4.8.2).
struct SharedFilter {
    /// Nil if it isn't shared.
    let share: ExactText?
    let filter: TopicFilter

    /// Throws if it isn't one of ours; a share's name has at least one character, and no wildcards [MQTT-4.8.2-1], [MQTT-4.8.2-2].
    ///
    /// - Parameter mayShare: whether `$share` means that; it doesn't before MQTT 5.
    init(_ text: String, in topics: MQTTTopics, mayShare: Bool = true) throws(TopicError) {
        guard mayShare, text.hasPrefix(Self.prefix) else {
            (share, filter) = (nil, try topics.filter(text))
            return
        }
        let rest = text.dropFirst(Self.prefix.count)
        let levels = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard levels.count == 2, !levels[0].isEmpty else { throw .notAMessageTopic }
        guard !levels[0].contains(where: { $0 == "+" || $0 == "#" }) else { throw .misplacedWildcard }
        (share, filter) = (ExactText(String(levels[0])), try topics.filter(String(levels[1])))
    }

    static let prefix = "$share/"

    var group: SharedGroup? { share.map { SharedGroup(name: $0, filter: filter) } }
}
