internal import MQTTCodec
internal import Messaging
internal import NIOCore

extension MessageProperties {
    private static let second: UInt64 = 1_000_000_000

    /// What a PUBLISH, or a last will, says of its message; nil if it says nothing that concerns its subscribers.
    ///
    /// - Parameter time: nanoseconds since 1970 when it was published: from then on it ages. An expiry interval of 0 counts as 1.
    convenience init?(_ properties: MQTTProperties, at time: UInt64) {
        guard !properties.isEmpty else { return nil }
        self.init(
            isUTF8: properties.payloadFormatIndicator,
            expires: properties.messageExpiryInterval.map { time &+ UInt64(max(1, $0)) &* Self.second },
            responseTopic: properties.responseTopic,
            // A copy: the slice would hold on to the whole read buffer.
            correlationData: properties.correlationData.map { ByteBuffer(bytes: $0.readableBytesView) },
            user: properties.userProperties.map { UserProperty(name: $0.name, value: $0.value) }
        )
    }

    /// What subscribers are told [MQTT-3.3.2-4], [MQTT-3.3.2-15] to [MQTT-3.3.2-18], with what is left of the expiry interval at
    /// that time [MQTT-3.3.2-6].
    func append(to properties: inout MQTTProperties, at time: UInt64) {
        if let isUTF8 { properties.append(.payloadFormatIndicator(isUTF8)) }
        if let expires {
            // A second that has begun is whole.
            let left = expires > time ? (expires - time - 1) / Self.second + 1 : 1
            properties.append(.messageExpiryInterval(UInt32(clamping: left)))
        }
        if let responseTopic { properties.append(.responseTopic(responseTopic)) }
        if let correlationData { properties.append(.correlationData(correlationData)) }
        for property in user { properties.append(.userProperty(name: property.name, value: property.value)) }
    }
}
