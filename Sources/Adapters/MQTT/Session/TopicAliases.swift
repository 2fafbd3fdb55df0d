import MQTTCodec
import NIOCore

/// The topic aliases that a client has set (section 3.3.2.3.4).
struct TopicAliases: Sendable {
    /// Bytes of all topics together, so that aliases of long topics don't add up.
    static let maximumBytes = 65_536

    private var topics: [UInt16: ByteBuffer] = [:]
    private var bytes = 0

    /// Puts the topic into a message that carries an alias, or remembers the topic it carries, and takes the alias out.
    mutating func resolve(_ publish: inout Publish, maximum: UInt16) throws(MQTTReasonCode) {
        guard !publish.properties.isEmpty, let alias = publish.properties.topicAlias else { return }
        guard alias != 0, alias <= maximum else { throw .topicAliasInvalid }
        publish.properties.remove(.topicAlias)
        if publish.topic.readableBytes > 0 {
            try set(alias, to: publish.topic)
        } else {
            guard let topic = topics[alias] else { throw .protocolError }
            publish.topic = topic
        }
    }

    private mutating func set(_ alias: UInt16, to topic: ByteBuffer) throws(MQTTReasonCode) {
        let known = topics[alias]
        if known == topic { return }
        let total = bytes - (known?.readableBytes ?? 0) + topic.readableBytes
        guard total <= Self.maximumBytes else { throw .quotaExceeded }
        // A copy: the slice would keep the read buffer alive.
        topics[alias] = ByteBuffer(bytes: topic.readableBytesView)
        bytes = total
    }
}
