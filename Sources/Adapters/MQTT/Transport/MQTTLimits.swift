internal import MQTTSession
internal import Messaging
package import NIOCore

/// How much an MQTT client may take.
package struct MQTTLimits: Sendable {
    /// Most bytes of a CONNECT.
    static let maximumConnect = 64 * 1_024
    /// What a PUBLISH may have beside its payload: topic and properties.
    static let packetOverhead = 64 * 1_024

    /// Most messages of one client whose storage is awaited before it isn't read from.
    static let maximumUnsettled = 1_024

    package var maximumMessage: Int
    /// Most bytes that wait for one client to read.
    package var maximumQueue: Int
    package var maximumSubscriptions: Int
    /// Messages, and bytes, that wait in the log for the client of a kept session; what comes behind them is dropped.
    package var maximumBacklog = (messages: 100_000, bytes: 64 << 20)
    package var connectTimeout: TimeAmount
    /// What an MQTT 5 client may have on its way to us.
    package var receiveMaximum: UInt16 = 1_024
    package var topicAliasMaximum: UInt16 = 16
    /// Most bytes of a packet, if that is less than the largest message and what it may have beside it.
    package var maximumPacket: Int?
    /// Seconds that an MQTT 5 client may be silent; 0: as long as it likes.
    package var maximumKeepAlive: UInt16 = 0
    /// Nil: topics are channels', and clients say who they are.
    package var openTopics: OpenTopics?
    /// Nanoseconds without a message after which a client is sent away; nil: it stays.
    package var idleTimeout: UInt64?

    package init(
        maximumMessage: Int,
        maximumQueue: Int,
        maximumSubscriptions: Int,
        connectTimeout: TimeAmount,
        idleTimeout: UInt64? = nil
    ) {
        self.maximumMessage = maximumMessage
        self.maximumQueue = maximumQueue
        self.maximumSubscriptions = maximumSubscriptions
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
    }

    var topics: MQTTTopics { openTopics == nil ? .ofChannels : .any }

    func sessionSettings(maximumExpiry: UInt32, retainsMessages: Bool, sharesMessages: Bool) -> SessionSettings {
        SessionSettings(
            connectTimeout: connectTimeout,
            maximumKeepAlive: maximumKeepAlive,
            maximumPacketSize: min(maximumPacket ?? .max, maximumMessage + Self.packetOverhead),
            receiveMaximum: receiveMaximum,
            topicAliasMaximum: topicAliasMaximum,
            maximumQueuedBytes: maximumQueue,
            maximumExpiry: maximumExpiry,
            retainsMessages: retainsMessages,
            sharesMessages: sharesMessages
        )
    }
}
