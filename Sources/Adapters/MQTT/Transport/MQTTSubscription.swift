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
    /// What an MQTT 5 client knows it by.
    var identifier: UInt32?
    /// Nanoseconds since 1970 when it was made.
    let since: UInt64

    init(
        connection: MQTTConnection,
        filter: TopicFilter,
        grant: ChannelGrant,
        qos: MQTTQoS,
        noLocal: Bool,
        identifier: UInt32?
    ) {
        self.identifier = identifier
        self.connection = connection
        self.filter = filter
        self.grant = grant
        self.since = connection.loop.wallClock
        self.qos = qos
        self.noLocal = noLocal
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
    /// When the first of its filters was subscribed to.
    var since: UInt64
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
                deliveries[index].since = min(deliveries[index].since, subscription.since)
            } else {
                places[place] = deliveries.count
                deliveries.append(
                    MQTTDelivery(
                        connection: subscription.connection,
                        isTyped: isTyped,
                        qos: subscription.qos,
                        noLocal: subscription.noLocal,
                        since: subscription.since
                    )
                )
            }
            if let identifier = subscription.identifier { deliveries[index].identifiers.append(identifier) }
        }
        return deliveries
    }

    private struct Place: Hashable {
        let connection: ObjectIdentifier
        let isTyped: Bool
    }
}
