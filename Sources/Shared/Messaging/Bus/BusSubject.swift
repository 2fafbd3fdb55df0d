package import Model

/// Where a message travels on the bus: `channel.<id>[.<subtopic>]` (contract section 5.2).
package enum BusSubject {
    /// What changes in the things service, one JSON object an event (contract section 5.4).
    package static let thingsEvents = "events.things"
    /// What changes in the users service; whoever is asked to do something answers.
    package static let usersEvents = "events.users"

    /// The subject of a topic's messages.
    package static func of(_ topic: Topic) -> String {
        topic.subtopic.levels.isEmpty
            ? base(of: topic.channel) : "\(base(of: topic.channel)).\(topic.subtopic.dotted.text)"
    }

    /// What a channel's messages without subtopic travel on.
    package static func base(of channel: ChannelID) -> String { "channel.\(channel)" }

    /// What all other messages of the channel travel on.
    package static func below(_ channel: ChannelID) -> String { "channel.\(channel).>" }

    /// The levels of a filter, for a subscription.
    package static func levels(of filter: SubtopicFilter) -> [String] {
        filter.levels.map { level in if case .literal(let text) = level { text.text } else { "*" } }
    }

    /// The channel whose messages travel on the subject; nil: it is none of these.
    package static func channel(of subject: String) -> ChannelID? {
        let levels = subject.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard levels.count >= 2, levels[0] == "channel" else { return nil }
        return ChannelID(levels[1])
    }

    /// Whether the subject can be published to as it is: levels without wildcards, blanks and control characters, none of
    /// them empty. Whatever made it, it is looked at again just before it goes out, because a line break in it would speak to
    /// the bus in our name.
    package static func isSafe(_ subject: String) -> Bool {
        var previous = UInt8(ascii: ".")
        for byte in subject.utf8 {
            switch byte {
            case 0...0x20, 0x7F, UInt8(ascii: "*"), UInt8(ascii: ">"): return false
            case UInt8(ascii: ".") where previous == UInt8(ascii: "."): return false
            default: previous = byte
            }
        }
        return previous != UInt8(ascii: ".")
    }
}
