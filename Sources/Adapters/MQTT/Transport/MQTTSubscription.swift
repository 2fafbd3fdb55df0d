internal import AdapterTransport
internal import MQTTCodec
internal import Messaging
internal import Model

/// One filter of one connection. Its identity is its place in the trie. Confined to its loop.
final class MQTTSubscription {
    unowned let connection: MQTTConnection
    let filter: TopicFilter
    /// What it lives by.
    let grant: ChannelGrant
    var qos: MQTTQoS
    /// Whether messages of the same client are left out [MQTT-3.8.3-3].
    var noLocal: Bool
    /// Whether messages say that they were to be retained.
    var retainAsPublished: Bool
    /// What an MQTT 5 client knows it by.
    var identifier: UInt32?
    /// Nanoseconds since 1970 when it was made.
    let since: UInt64
    /// As the client wrote the filter.
    let text: String
    /// What stands in the log up to this place was published before it was made.
    var from: UInt64
    /// Whether its session outlives the connection, and has its messages out of the log.
    let isKept: Bool

    init(
        connection: MQTTConnection,
        filter: TopicFilter,
        text: String,
        grant: ChannelGrant,
        qos: MQTTQoS,
        noLocal: Bool,
        retainAsPublished: Bool,
        identifier: UInt32?,
        from: UInt64 = 0
    ) {
        self.retainAsPublished = retainAsPublished
        self.text = text
        self.from = from
        self.isKept = connection.hold != nil
        self.identifier = identifier
        self.connection = connection
        self.filter = filter
        self.grant = grant
        self.since = connection.loop.wallClock
        self.qos = qos
        self.noLocal = noLocal
    }

    /// One of an earlier connection.
    convenience init(_ kept: KeptSubscription, of connection: MQTTConnection, _ grant: ChannelGrant) {
        self.init(
            connection: connection,
            filter: kept.filter,
            text: kept.text,
            grant: grant,
            qos: MQTTQoS(rawValue: kept.qos) ?? .atMostOnce,
            noLocal: kept.noLocal,
            retainAsPublished: kept.retainAsPublished,
            identifier: kept.identifier,
            from: kept.from
        )
    }

    var kept: KeptSubscription {
        KeptSubscription(
            filter: filter,
            text: text,
            qos: qos.rawValue,
            noLocal: noLocal,
            retainAsPublished: retainAsPublished,
            identifier: identifier,
            from: from
        )
    }
}

/// How a topic's messages go to one connection.
///
/// Filters of one connection that overlap are one delivery with the highest QoS [MQTT-3.3.5-1], unless they deliver under
/// different names: with and without `/ct/<type>`.
struct MQTTDelivery {
    let connection: MQTTConnection
    let isTyped: Bool
    var qos: MQTTQoS
    var noLocal: Bool
    var retainAsPublished: Bool
    /// When the first of its filters was subscribed to.
    var since: UInt64
    /// Behind which place of the log.
    var from: UInt64
    /// Of all its filters that have one [MQTT-3.3.4-4].
    var identifiers: [UInt32] = []

    /// The deliveries of a topic, from all subscriptions that match it.
    static func merging(_ subscriptions: [MQTTSubscription], of topic: Topic) -> [MQTTDelivery] {
        let type = ContentTypeSuffix.encode(topic.contentType.text)
        var deliveries: [MQTTDelivery] = []
        var places: [Place: Int] = [:]
        for subscription in subscriptions {
            if let wanted = subscription.filter.contentType, topic.contentType.text.isEmpty || wanted != ExactText(type)
            {
                continue
            }
            let isTyped = subscription.filter.contentType != nil
            let place = Place(connection: ObjectIdentifier(subscription.connection), isTyped: isTyped)
            let index = places[place] ?? deliveries.count
            if index < deliveries.count {
                deliveries[index].qos = max(deliveries[index].qos, subscription.qos)
                deliveries[index].noLocal = deliveries[index].noLocal && subscription.noLocal
                deliveries[index].retainAsPublished =
                    deliveries[index].retainAsPublished || subscription.retainAsPublished
                deliveries[index].since = min(deliveries[index].since, subscription.since)
                deliveries[index].from = min(deliveries[index].from, subscription.from)
            } else {
                places[place] = deliveries.count
                deliveries.append(
                    MQTTDelivery(
                        connection: subscription.connection,
                        isTyped: isTyped,
                        qos: subscription.qos,
                        noLocal: subscription.noLocal,
                        retainAsPublished: subscription.retainAsPublished,
                        since: subscription.since,
                        from: subscription.from
                    )
                )
            }
            if let identifier = subscription.identifier { deliveries[index].identifiers.append(identifier) }
        }
        // In the order of a session's places.
        return deliveries.count > 1 ? deliveries.sorted { !$0.isTyped && $1.isTyped } : deliveries
    }

    /// Whether a message goes this way: what a kept session has to acknowledge comes out of the log, and nothing else does.
    func wants(_ message: Message) -> Bool {
        guard !noLocal || connection.origin != message.origin else { return false }
        let isAcknowledged = message.qos > 0 && qos != .atMostOnce
        guard message.place > 0 else {
            return !(isAcknowledged && connection.hold != nil) && message.isMeant(forSubscriptionOf: since)
        }
        return isAcknowledged && connection.hold != nil && message.place > from
    }

    private struct Place: Hashable {
        let connection: ObjectIdentifier
        let isTyped: Bool
    }
}
