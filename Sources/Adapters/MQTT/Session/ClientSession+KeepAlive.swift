import MQTTCodec
package import NIOCore

// Time: the session says when it wants to be called, the caller owns the clock.
extension ClientSession {
    /// When `timerFired` is due, `nil` for never. It moves with every packet; a timer that fires early does no harm.
    package var deadline: NIODeadline? {
        switch phase {
        case .awaitingConnect, .authenticating: lastHeard + settings.connectTimeout
        case .connected:
            // One and a half times the keep-alive [MQTT-3.1.2-22].
            keepAlive == 0 || keepAliveIsSuspended ? nil : lastHeard + .milliseconds(Int64(keepAlive) * 1500)
        case .closed: nil
        }
    }

    /// Ends the session when its time is over. Otherwise the caller asks `deadline` again.
    package mutating func timerFired(at now: NIODeadline, into actions: inout [SessionAction]) {
        guard let deadline, now >= deadline else { return }
        switch phase {
        case .awaitingConnect: end(.connectTimeout, into: &actions)
        case .authenticating: refuse(.serverUnavailable, as: .connectTimeout, into: &actions)
        case .connected: disconnect(.keepAliveTimeout, as: .keepAliveTimeout, into: &actions)
        case .closed: break
        }
    }

    /// The caller has stopped reading, so silence is not the client's fault.
    package mutating func readingPaused() { keepAliveIsSuspended = true }

    /// The caller reads again: the wait starts anew.
    package mutating func readingResumed(at now: NIODeadline) {
        guard keepAliveIsSuspended else { return }
        keepAliveIsSuspended = false
        if phase == .connected { lastHeard = now }
    }
}
