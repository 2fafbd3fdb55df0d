internal import NIOSSL

/// Why a connection ended in TLS or right behind it: the `reason` label of `fluxgate_tls_refused_total`.
package enum TLSRefusal: String, Error, Sendable, CaseIterable {
    case noCertificate = "no_certificate"
    /// Signed by nobody we trust, or not meant for clients.
    case untrustedCertificate = "untrusted_certificate"
    case expiredCertificate = "expired_certificate"
    case notYetValidCertificate = "not_yet_valid_certificate"
    /// On a list of its issuer, or signed by somebody who is.
    case revokedCertificate = "revoked_certificate"
    /// Signed by an authority of proxies, for a name that isn't one of theirs.
    case unlistedProxy = "unlisted_proxy"
    /// The client ended the handshake with an alert: usually it doesn't trust our certificate.
    case clientAlert = "client_alert"
    /// What came isn't TLS, or no version or cipher is common to both.
    case handshake
    /// The client went away in the middle of the handshake, as those do that only look whether a port is open.
    case aborted
    /// The handshake took too long.
    case timeout
    /// A record that can't be decrypted, after a good handshake.
    case record
}

extension TLSRefusal {
    /// - Parameters:
    ///   - error: with which the handshake ended.
    ///   - certificate: the client's, if it got as far as showing one.
    init(_ error: NIOSSLError, _ certificate: NIOSSLCertificate?, at now: Int) {
        guard case .handshakeFailed(.sslError(let stack)) = error else {
            self = .handshake
            return
        }
        if stack.contains(.eofDuringHandshake) {
            self = .aborted
            return
        }
        switch stack.lazy.compactMap(\.sslReason).last {
        case .peerDidNotReturnACertificate:
            self = .noCertificate
        case .certificateVerifyFailed:
            self = certificate.flatMap { CertificateValidity($0).refusal(at: now) } ?? .untrustedCertificate
        case .some(let reason) where reason >= .firstAlert:
            self = .clientAlert
        default:
            self = .handshake
        }
    }
}

/// BoringSSL's reason codes that tell refusals apart (`SSL_R_…` in its ssl.h, where they never change).
extension Int {
    fileprivate static let certificateVerifyFailed = 125
    fileprivate static let peerDidNotReturnACertificate = 192
    /// `SSL_R_SSLV3_ALERT_CLOSE_NOTIFY`: what the peer's alerts, by number, are added to.
    fileprivate static let firstAlert = 1_000
}

extension BoringSSLInternalError {
    /// The reason code. NIOSSL gives it as text only, in front of the message: `Error: <packed code> error:…`.
    fileprivate var sslReason: Int? {
        let digits = description.drop { !$0.isNumber }.prefix { $0.isASCII && $0.isNumber }
        guard let packed = UInt32(digits), packed >> 24 == 16 else { return nil }
        return Int(packed & 0xFFF)
    }
}
