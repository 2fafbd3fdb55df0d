import MQTTCodec
import NIOCore

/// The topic aliases that the server has set (section 3.3.2.3.4): those of the first topics that a client hears, as many as it takes.
struct OutboundAliases: Sendable {
    /// How many may be set [MQTT-3.3.2-9].
    var maximum: UInt16 = 0
    private var aliases: [ByteBuffer: UInt16] = [:]

    /// Puts an alias in the place of a topic that the client knows, or beside one that it is to know from now on. For a message that
    /// goes out next.
    mutating func apply(to publish: inout Publish) {
        guard maximum > 0 else { return }
        if let alias = aliases[publish.topic] {
            publish.topic = ByteBuffer()
            publish.properties.append(.topicAlias(alias))
        } else if aliases.count < Int(maximum) {
            let alias = UInt16(aliases.count + 1)
            aliases[publish.topic] = alias
            publish.properties.append(.topicAlias(alias))
        }
    }
}
