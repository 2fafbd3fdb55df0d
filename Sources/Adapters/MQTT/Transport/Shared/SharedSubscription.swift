internal import AdapterTransport
internal import MQTTCodec
internal import Messaging
internal import Model

/// One connection's part of a shared subscription. Confined to its loop.
final class SharedSubscription {
    let group: SharedGroup
    /// What the session knows it by.
    let number: UInt64
    /// What it lives by.
    let grant: ChannelGrant
    /// As the client wrote the filter.
    let text: String
    /// At most 1: who has a message of QoS 2 would have to keep it from all others for ever [MQTT-4.8.2-5].
    var qos: MQTTQoS
    var retainAsPublished: Bool
    var identifier: UInt32?
    var member: SharedMember?
    /// Messages that were asked for and haven't come.
    var asked = 0

    init(_ group: SharedGroup, _ number: UInt64, _ wanted: Subscription, _ grant: ChannelGrant, _ identifier: UInt32?) {
        (self.group, self.number, self.grant, self.text) = (group, number, grant, wanted.filter)
        qos = min(wanted.qos, .atLeastOnce)
        retainAsPublished = wanted.retainAsPublished
        self.identifier = identifier
    }

    /// - Parameter place: up to where the group's messages are done with.
    func kept(from place: UInt64) -> KeptSubscription {
        KeptSubscription(
            filter: group.filter,
            share: group.name,
            text: text,
            qos: qos.rawValue,
            noLocal: false,
            retainAsPublished: retainAsPublished,
            identifier: identifier,
            from: place
        )
    }

    func delivery(to connection: MQTTConnection) -> MQTTDelivery {
        MQTTDelivery(
            connection: connection,
            isTyped: group.filter.contentType != nil,
            qos: qos,
            noLocal: false,
            retainAsPublished: retainAsPublished,
            since: 0,
            from: 0,
            identifiers: identifier.map { [$0] } ?? []
        )
    }
}

extension KeptSubscription {
    /// As its client asked for it.
    var wanted: Subscription {
        Subscription(filter: text, qos: MQTTQoS(rawValue: qos) ?? .atMostOnce, retainAsPublished: retainAsPublished)
    }
}
