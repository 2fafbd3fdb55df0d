internal import MQTTCodec
internal import Messaging
internal import NIOCore

/// One message on its way to many MQTT clients: what is the same for several of them is made once.
struct OutgoingPackets {
    let message: Message
    private var encoded: [ByteBuffer?] = [nil, nil, nil, nil]
    private var ownPayload: ByteBuffer?

    init(_ message: Message) {
        self.message = message
    }

    /// A whole QoS 0 PUBLISH. Nil if it can't be encoded: then the topic is too long for MQTT.
    mutating func atMostOnce(isTyped: Bool, version: MQTTVersion) -> ByteBuffer? {
        let index = (isTyped ? 1 : 0) + (version == .v5 ? 2 : 0)
        if let packet = encoded[index] { return packet }
        var packet = ByteBuffer()
        let written: Void? = try? Publish.encode(
            topic: name(isTyped: isTyped),
            payload: message.payload,
            qos: .atMostOnce,
            version: version,
            properties: properties(version),
            into: &packet
        )
        guard written != nil else { return nil }
        encoded[index] = packet
        return packet
    }

    /// A PUBLISH that a session keeps until it is acknowledged, so its payload must not hold on to a whole read buffer.
    mutating func kept(isTyped: Bool, qos: MQTTQoS, version: MQTTVersion) -> Publish {
        let payload = ownPayload ?? ByteBuffer(bytes: message.payload.readableBytesView)
        ownPayload = payload
        return Publish(topic: name(isTyped: isTyped), payload: payload, qos: qos, properties: properties(version))
    }

    private func name(isTyped: Bool) -> ByteBuffer {
        isTyped ? message.topic.typedName : message.topic.plainName
    }

    /// MQTT 5 clients get the content type whatever the topic says.
    private func properties(_ version: MQTTVersion) -> MQTTProperties {
        let type = message.topic.contentType.text
        return version == .v5 && !type.isEmpty ? [.contentType(type)] : []
    }
}
