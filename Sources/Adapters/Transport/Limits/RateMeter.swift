package import Bootstrap

/// Measures messages and bytes against a rate, with room for a burst of one second (the generic cell rate algorithm, ITU-T I.371).
package struct RateMeter: Sendable {
    private static let burst: UInt64 = 1_000_000_000
    /// However much came at once, nobody waits longer.
    package static let longestWait: UInt64 = 5_000_000_000

    /// Nanoseconds that one of them takes up; 0: it isn't measured.
    private let perMessage: Double
    private let perByte: Double
    /// When what was charged would have come at exactly the rate.
    private var messagesDue: UInt64 = 0
    private var bytesDue: UInt64 = 0

    /// Nil if nothing is limited.
    package init?(_ rate: LimitSettings.Rate) {
        guard rate.isLimited else { return nil }
        perMessage = rate.messages.map { 1e9 / Double($0) } ?? 0
        perByte = rate.bytes.map { 1e9 / Double($0) } ?? 0
    }

    /// Adds what has come.
    package mutating func charge(messages: Int, bytes: Int, at now: UInt64) {
        messagesDue = Self.due(messagesDue, Double(messages) * perMessage, now)
        bytesDue = Self.due(bytesDue, Double(bytes) * perByte, now)
    }

    /// Nanoseconds until more may come.
    package func wait(at now: UInt64) -> UInt64 {
        let due = max(messagesDue, bytesDue)
        return due > now &+ Self.burst ? due - now - Self.burst : 0
    }

    /// Whether it is as if nothing had come.
    func isIdle(at now: UInt64) -> Bool { max(messagesDue, bytesDue) <= now }

    private static func due(_ due: UInt64, _ cost: Double, _ now: UInt64) -> UInt64 {
        let latest = now + burst + longestWait
        return min(max(due, now) + UInt64(min(cost, Double(burst + longestWait))), latest)
    }
}
