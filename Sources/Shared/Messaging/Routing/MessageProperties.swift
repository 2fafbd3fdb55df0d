package import NIOCore

/// What an MQTT 5 publisher says of its message beside topic, payload and content type, and its subscribers are told
/// (section 3.3.2.3). One object for all who get the message; most messages have none.
package final class MessageProperties: Sendable, Equatable {
    package struct UserProperty: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(name: String, value: String) { (self.name, self.value) = (name, value) }
    }

    /// Whether the publisher says that the payload is UTF-8; nil: it doesn't say.
    package let isUTF8: Bool?
    /// Nanoseconds since 1970 from which on it isn't delivered any more; nil: it doesn't expire.
    package let expires: UInt64?
    package let responseTopic: String?
    package let correlationData: ByteBuffer?
    /// In the publisher's order [MQTT-3.3.2-18].
    package let user: [UserProperty]
    /// About as many bytes as it takes.
    package let size: Int

    /// Nil if there is nothing to be said.
    package init?(
        isUTF8: Bool? = nil,
        expires: UInt64? = nil,
        responseTopic: String? = nil,
        correlationData: ByteBuffer? = nil,
        user: [UserProperty] = []
    ) {
        self.isUTF8 = isUTF8
        self.expires = expires
        self.responseTopic = responseTopic
        self.correlationData = correlationData
        self.user = user
        self.size =
            128 + (responseTopic?.utf8.count ?? 0) + (correlationData?.readableBytes ?? 0)
            + user.reduce(0) { $0 + 32 + $1.name.utf8.count + $1.value.utf8.count }
        if isUTF8 == nil, expires == nil, responseTopic == nil, correlationData == nil, user.isEmpty { return nil }
    }

    package static func == (left: MessageProperties, right: MessageProperties) -> Bool {
        left.isUTF8 == right.isUTF8 && left.expires == right.expires && left.responseTopic == right.responseTopic
            && left.correlationData == right.correlationData && left.user == right.user
    }
}
