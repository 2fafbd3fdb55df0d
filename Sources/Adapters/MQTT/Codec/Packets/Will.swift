package import NIOCore

/// The message that the server publishes for a client that goes without a clean DISCONNECT.
package struct Will: Equatable, Sendable {
    package var topic: String
    /// In storage of its own, since it lives as long as the connection.
    package var payload: ByteBuffer
    package var qos: MQTTQoS
    package var retain: Bool
    package var properties: MQTTProperties

    package init(
        topic: String,
        payload: ByteBuffer,
        qos: MQTTQoS = .atMostOnce,
        retain: Bool = false,
        properties: MQTTProperties = []
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.properties = properties
    }
}
