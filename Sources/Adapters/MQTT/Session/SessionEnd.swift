package import MQTTCodec

/// Why a session is over: for logs and counters.
package enum SessionEnd: Equatable, Sendable {
    /// The client sent DISCONNECT.
    case disconnected(MQTTReasonCode)
    /// CONNECT was answered with a refusal.
    case refused(MQTTReasonCode)
    /// The client sent bytes that break the protocol.
    case malformed(MQTTCodecError)
    /// The client sent a packet that it must not send now.
    case violation(MQTTReasonCode)
    /// A message was refused, and the version has no other way to say so.
    case publishRefused(MQTTReasonCode)
    /// CONNECT, or the answer to it, didn't come in time.
    case connectTimeout
    /// Nothing came for one and a half times the keep-alive.
    case keepAliveTimeout
    /// The server ended it.
    case byServer(MQTTReasonCode)
    /// The connection is gone.
    case connectionLost

    /// Only a normal DISCONNECT takes the will back [MQTT-3.14.4-3]; a refused client never had one.
    var discardsWill: Bool { self == .disconnected(.success) }
}
