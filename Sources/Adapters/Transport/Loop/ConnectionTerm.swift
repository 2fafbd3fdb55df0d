package import AdaptersCore
internal import Bootstrap
internal import TLSSupport

/// Why a connection ends by itself.
package enum ConnectionEnd: Sendable, Equatable {
    /// A revocation list names its certificate now.
    case revoked
    case expired
    /// It has lasted as long as one may.
    case lifetime
    /// It has carried no message for too long.
    case idle

    package var refusal: Refusal {
        switch self {
        case .revoked: .revokedCertificate
        case .expired: .expiredCertificate
        case .lifetime: .lifetimeOver
        case .idle: .idle
        }
    }
}

/// How long a connection may last. Confined to its loop.
struct ConnectionTerm {
    private let shown: ShownCertificate?
    private let tls: TLSListener?
    /// The loop's clock at which it has lasted long enough.
    private let endsAt: UInt64
    /// The version of the lists by which ``isRevoked`` was found; none yet: between the judgement in the handshake and now there
    /// may have been new ones.
    private var judged: Int?
    private var isRevoked = false

    /// As long as it likes.
    init() { self.init(nil, nil, from: 0) }

    /// - Parameters:
    ///   - shown: nil: no certificate was asked for.
    ///   - now: the loop's clock in nanoseconds.
    init(_ shown: ShownCertificate?, _ tls: TLSListener?, from now: UInt64) {
        self.shown = shown
        self.tls = tls
        guard let lifetime = tls?.tls.maximumLifetime else {
            endsAt = .max
            return
        }
        // Those that came together, as after a restart, go one by one, a tenth sooner at most.
        let (nanoseconds, overflows) = now.addingReportingOverflow(
            UInt64(Double(lifetime.nanoseconds) * .random(in: 0.9...1))
        )
        endsAt = overflows ? .max : nanoseconds
    }

    /// That of a client whose certificate a proxy has passed on over this connection, which has its own term besides.
    func passedOn(_ shown: ShownCertificate) -> Self { Self(shown: shown, tls: tls, endsAt: .max) }

    private init(shown: ShownCertificate, tls: TLSListener?, endsAt: UInt64) {
        (self.shown, self.tls, self.endsAt) = (shown, tls, endsAt)
    }

    /// - Parameter now: the loop's clock in nanoseconds.
    mutating func end(at now: UInt64) -> ConnectionEnd? {
        if now >= endsAt { return .lifetime }
        guard let tls, let shown else { return nil }
        if shown.validity.refusal(at: tls.clock()) == .expiredCertificate { return .expired }
        let generation = tls.tls.generation
        if judged != generation {
            judged = generation
            isRevoked = tls.tls.isRevoked(shown)
        }
        return isRevoked ? .revoked : nil
    }
}

/// Whether a connection has carried a message lately. Confined to its loop.
///
/// Messages only set a flag; the sweep reads the clock. So a connection is found idle up to two sweeps late, never too soon.
package struct Idleness {
    /// Nanoseconds without a message; nil: as long as it likes.
    private let limit: UInt64?
    private var since: UInt64
    private var isBusy = false

    /// - Parameter now: the loop's clock in nanoseconds.
    package init(limit: UInt64?, at now: UInt64) {
        self.limit = limit
        since = now
    }

    /// A message goes one way or the other. Pings and acknowledgements are none.
    package mutating func carried() { isBusy = true }

    /// Whether it is idle for too long. Called by the sweep.
    package mutating func isOver(at now: UInt64) -> Bool {
        guard let limit else { return false }
        if isBusy {
            isBusy = false
            since = now
        }
        return now &- since > limit
    }
}
