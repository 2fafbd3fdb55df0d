/// What became of a message for the client.
package enum DeliveryResult: Equatable, Sendable {
    /// Among the actions.
    case sent
    /// Waits for a message in flight to be acknowledged.
    case queued
    /// Not delivered; for the caller to count.
    case dropped(Drop)

    package enum Drop: Equatable, Sendable {
        /// As many messages or bytes wait as may wait: the newest is refused.
        case queueFull
        /// Longer than the client's maximum packet size [MQTT-3.1.2-24].
        case tooLargeForClient
        /// Before CONNACK or after the end.
        case notConnected
    }
}
