internal import FoundationEssentials

/// The time of day.
package enum SystemTime {
    /// The time since 1970, as the system's clock has it.
    @Sendable package static func sinceEpoch() -> Duration {
        .seconds(Date().timeIntervalSince1970)
    }
}
