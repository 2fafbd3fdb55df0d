package import Model

/// The one reader of request targets of the HTTP and WebSocket adapters: `/channels/<id>/messages[/<subtopic>]`.
package struct MessagePath: Equatable {
    package let channel: ChannelID
    /// What follows `/messages`, decoded (RFC 3986 section 2.1); not yet checked as a subtopic.
    package let rest: Result<String, TopicError>

    /// Nil if the target is no such path. The query is not looked at.
    ///
    /// - Throws: ``TopicError/notAChannel`` if the id is no UUID.
    package init?(target: String) throws(TopicError) {
        let prefix = "/channels/".utf8
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") }
        guard path.starts(with: prefix) else { return nil }
        let parts = path.dropFirst(prefix.count).split(
            separator: UInt8(ascii: "/"),
            maxSplits: 2,
            omittingEmptySubsequences: false
        )
        guard parts.count >= 2, parts[1].elementsEqual("messages".utf8) else { return nil }
        guard let channel = UniqueID(ascii: parts[0]) else { throw .notAChannel }
        self.channel = ChannelID(channel)
        // `+` stays `+` in a path.
        self.rest =
            parts.count == 3 ? PercentDecoding.decode(Substring(parts[2])).mapError(TopicError.init) : .success("")
    }
}

extension TopicError {
    fileprivate init(_ failure: PercentDecoding.Failure) {
        self =
            switch failure {
            case .brokenEscape: .brokenEscape
            case .notUTF8: .notUTF8
            }
    }
}
