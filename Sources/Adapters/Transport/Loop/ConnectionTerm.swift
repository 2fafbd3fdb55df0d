package import AdaptersCore
internal import TLSSupport

/// Why a connection ends by itself.
package enum ConnectionEnd: Sendable, Equatable {
    /// A revocation list names its certificate now.
    case revoked
    case expired

    package var refusal: Refusal {
        switch self {
        case .revoked: .revokedCertificate
        case .expired: .expiredCertificate
        }
    }
}

/// How long a connection may last. Confined to its loop.
struct ConnectionTerm {
    private let shown: ShownCertificate?
    private let tls: TLSListener?
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
    }

    /// That of a client whose certificate a proxy has passed on over this connection.
    func passedOn(_ shown: ShownCertificate) -> Self { Self(shown, tls, from: 0) }

    /// - Parameter now: the loop's clock in nanoseconds.
    mutating func end(at now: UInt64) -> ConnectionEnd? {
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
