package import NIOCore

/// What the server grants each client.
///
/// A class, because every connection refers to the same one.
package final class SessionSettings: Sendable {
    /// The longest packet that the standards know: a header of five bytes and the largest remaining length.
    package static let largestPacket = 268_435_460

    /// How long a client may take to send CONNECT, and how long the answer to it may take.
    package let connectTimeout: TimeAmount
    /// The longest keep-alive in seconds that an MQTT 5 client may have, 0 for any. Earlier versions keep theirs.
    package let maximumKeepAlive: UInt16
    /// The longest packet that the decoder takes after login; told to MQTT 5 clients.
    package let maximumPacketSize: Int
    /// How many QoS 1 and 2 messages of an MQTT 5 client may be unacknowledged; told to it.
    package let receiveMaximum: UInt16
    /// How many QoS 2 messages of an earlier client, which can't be told, may wait for their PUBREL.
    package let maximumUnreleased: Int
    /// How many topic aliases an MQTT 5 client may use; 0 for none.
    package let topicAliasMaximum: UInt16
    /// How many topic aliases the server uses with an MQTT 5 client that takes them; 0 for none.
    package let maximumOutboundAliases: UInt16
    /// How many QoS 1 and 2 messages to a client may be unacknowledged, if the client doesn't want fewer.
    package let maximumInFlight: UInt16
    /// How many messages wait behind those in flight.
    package let maximumQueuedMessages: Int
    /// How many bytes of topic, properties and payload wait behind those in flight.
    package let maximumQueuedBytes: Int
    /// Most seconds that a session outlives its connection, `.max` for ever; 0: they end together.
    package let maximumExpiry: UInt32
    /// Whether messages are retained for later subscribers; if not, MQTT 5 clients are told.
    package let retainsMessages: Bool
    /// Whether there are shared subscriptions; if not, MQTT 5 clients are told.
    package let sharesMessages: Bool
    /// The longest client identifier in bytes.
    package let maximumClientIDLength: Int

    package init(
        connectTimeout: TimeAmount = .seconds(30),
        maximumKeepAlive: UInt16 = 0,
        maximumPacketSize: Int = largestPacket,
        receiveMaximum: UInt16 = 1024,
        maximumUnreleased: Int = 1024,
        topicAliasMaximum: UInt16 = 16,
        maximumOutboundAliases: UInt16 = 32,
        maximumInFlight: UInt16 = 64,
        maximumQueuedMessages: Int = 1000,
        maximumQueuedBytes: Int = 1 << 20,
        maximumExpiry: UInt32 = 0,
        retainsMessages: Bool = true,
        sharesMessages: Bool = false,
        maximumClientIDLength: Int = 256
    ) {
        self.connectTimeout = connectTimeout
        self.maximumKeepAlive = maximumKeepAlive
        self.maximumPacketSize = maximumPacketSize
        self.receiveMaximum = max(1, receiveMaximum)
        self.maximumUnreleased = max(1, maximumUnreleased)
        self.topicAliasMaximum = topicAliasMaximum
        self.maximumOutboundAliases = maximumOutboundAliases
        self.maximumInFlight = max(1, maximumInFlight)
        self.maximumQueuedMessages = maximumQueuedMessages
        self.maximumQueuedBytes = maximumQueuedBytes
        self.maximumExpiry = maximumExpiry
        self.retainsMessages = retainsMessages
        self.sharesMessages = sharesMessages
        self.maximumClientIDLength = maximumClientIDLength
    }
}
