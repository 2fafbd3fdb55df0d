internal import AdapterTransport
internal import MQTTCodec
internal import Messaging
internal import NIOCore

/// One message on its way to many MQTT clients: what is the same for several of them is made once.
struct OutgoingPackets {
    let message: Message
    /// Nanoseconds since 1970.
    private let time: UInt64
    private var commonProperties: MQTTProperties?
    /// The packets that several clients get, if there are several; made with the first.
    private var encoded: [ByteBuffer?] = []
    private let isShared: Bool
    private var ownPayload: ByteBuffer?

    /// - Parameter isShared: whether more than one may get the same.
    init(_ message: Message, at time: UInt64, isShared: Bool = false) {
        self.message = message
        self.time = time
        self.isShared = isShared
    }

    /// Adds a QoS 0 PUBLISH to what waits for one client. False if it is longer than the client takes, or there is no room for it.
    mutating func append(
        _ delivery: MQTTDelivery,
        version: MQTTVersion,
        longest: Int,
        to queue: inout OutboundQueue
    ) -> Bool {
        guard isShared else {
            let length = Publish.encodedLength(
                topicLength: name(isTyped: delivery.isTyped).readableBytes,
                payloadLength: message.payload.readableBytes,
                qos: .atMostOnce,
                version: version,
                properties: properties(version)
            )
            guard length <= longest, queue.hasRoom(for: length) else { return false }
            var isWritten = false
            queue.append { isWritten = encode(delivery, version, into: &$0) }
            return isWritten
        }
        guard let packet = packet(delivery, version), packet.readableBytes <= longest,
            queue.hasRoom(for: packet.readableBytes)
        else { return false }
        queue.append(packet)
        return true
    }

    private mutating func packet(_ delivery: MQTTDelivery, _ version: MQTTVersion) -> ByteBuffer? {
        let index = (delivery.isTyped ? 1 : 0) + (version == .v5 ? 2 : 0) + (isRetained(delivery) ? 4 : 0)
        if encoded.isEmpty { encoded = Array(repeating: nil, count: 8) }
        if let packet = encoded[index] { return packet }
        var packet = ByteBuffer()
        guard encode(delivery, version, into: &packet) else { return nil }
        encoded[index] = packet
        return packet
    }

    /// False if it can't be encoded: then the topic is too long for MQTT.
    private mutating func encode(_ delivery: MQTTDelivery, _ version: MQTTVersion, into buffer: inout ByteBuffer)
        -> Bool
    {
        do throws(MQTTCodecError) {
            try Publish.encode(
                topic: name(isTyped: delivery.isTyped),
                payload: message.payload,
                qos: .atMostOnce,
                retain: isRetained(delivery),
                version: version,
                properties: properties(version),
                into: &buffer
            )
            return true
        } catch {
            return false
        }
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
