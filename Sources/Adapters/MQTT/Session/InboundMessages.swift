import MQTTCodec

/// The QoS 1 and 2 messages of the client that it has not seen the end of.
struct InboundMessages: Sendable {
    /// Where the receipt of a QoS 2 message is: nothing, routing → received → nothing.
    enum Stage: Sendable {
        /// Handed to the caller, who has not answered.
        case routing
        /// Answered by PUBREC; PUBREL is next.
        case received
    }

    var exactlyOnce = PacketTable<Stage>()
    /// QoS 1 messages that the caller has not answered.
    private(set) var routingAtLeastOnce = 0
    var aliases = TopicAliases()

    /// What counts against receive maximum, with what the client began on an earlier connection.
    var count: Int { exactlyOnce.count + routingAtLeastOnce }

    mutating func beginAtLeastOnce() { routingAtLeastOnce += 1 }

    /// Whether one was outstanding.
    mutating func endAtLeastOnce() -> Bool {
        guard routingAtLeastOnce > 0 else { return false }
        routingAtLeastOnce -= 1
        return true
    }
}
