internal import MQTTCodec
internal import Messaging
internal import NIOCore

/// One message on its way to many MQTT clients: what is the same for several of them is made once.
struct OutgoingPackets {
    let message: Message
    /// Nanoseconds since 1970.
    private let time: UInt64
    private var commonProperties: MQTTProperties?
    private var encoded: [ByteBuffer?] = Array(repeating: nil, count: 8)
    private var ownPayload: ByteBuffer?

    init(_ message: Message, at time: UInt64) {
        self.message = message
        self.time = time
    }

    /// A whole QoS 0 PUBLISH. Nil if it can't be encoded: then the topic is too long for MQTT.
    mutating func atMostOnce(_ delivery: MQTTDelivery, version: MQTTVersion) -> ByteBuffer? {
        let retain = isRetained(delivery)
        let index = (delivery.isTyped ? 1 : 0) + (version == .v5 ? 2 : 0) + (retain ? 4 : 0)
        if let packet = encoded[index] { return packet }
        var packet = ByteBuffer()
        let written: Void? = try? Publish.encode(
            topic: name(isTyped: delivery.isTyped),
            payload: message.payload,
            qos: .atMostOnce,
            retain: retain,
            version: version,
            properties: properties(version),
            into: &packet
        )
        guard written != nil else { return nil }
        encoded[index] = packet
        return packet
    }

    /// A PUBLISH that a session keeps until it is acknowledged, so its payload must not hold on to a whole read buffer.
    mutating func kept(_ delivery: MQTTDelivery, qos: MQTTQoS, version: MQTTVersion) -> Publish {
        let payload = ownPayload ?? ByteBuffer(bytes: message.payload.readableBytesView)
        ownPayload = payload
        return publish(delivery, payload, qos, version)
    }

    /// A PUBLISH for one client alone, that is written at once.
    mutating func own(_ delivery: MQTTDelivery, qos: MQTTQoS = .atMostOnce, version: MQTTVersion) -> Publish {
        publish(delivery, message.payload, qos, version)
    }

    private mutating func publish(
        _ delivery: MQTTDelivery,
        _ payload: ByteBuffer,
        _ qos: MQTTQoS,
        _ version: MQTTVersion
    ) -> Publish {
        var properties = properties(version)
        for identifier in delivery.identifiers { properties.append(.subscriptionIdentifier(identifier)) }
        return Publish(
            topic: name(isTyped: delivery.isTyped),
            payload: payload,
            qos: qos,
            retain: isRetained(delivery),
            properties: properties
        )
    }

    /// What comes for a subscription that was there already says nothing of it, unless that asks for it [MQTT-3.3.1-12],
    /// [MQTT-3.3.1-13].
    private func isRetained(_ delivery: MQTTDelivery) -> Bool { message.retain && delivery.retainAsPublished }

    /// The lower of the publisher's and the subscriber's.
    func qos(_ delivery: MQTTDelivery) -> MQTTQoS {
        min(delivery.qos, MQTTQoS(rawValue: message.qos) ?? .atLeastOnce)
    }

    private func name(isTyped: Bool) -> ByteBuffer {
        isTyped ? message.topic.typedName : message.topic.plainName
    }

    /// MQTT 5 clients get the content type whatever the topic says.
    private mutating func properties(_ version: MQTTVersion) -> MQTTProperties {
        guard version == .v5 else { return [] }
        if let commonProperties { return commonProperties }
        let type = message.topic.contentType.text
        var properties: MQTTProperties = type.isEmpty ? [] : [.contentType(type)]
        message.properties?.append(to: &properties, at: time)
        commonProperties = properties
        return properties
    }
}
