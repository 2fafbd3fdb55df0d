internal import NIOSSL
internal import X509

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// From when until when a certificate is good, in seconds since 1970. In its last second it isn't, as BoringSSL sees
/// it.
package struct CertificateValidity: Sendable, Equatable {
    let from: Int
    let until: Int

    init(from: Int, until: Int) {
        self.from = from
        self.until = until
    }

    init(_ certificate: NIOSSLCertificate) {
        self.init(from: certificate.notValidBefore, until: certificate.notValidAfter)
    }

    init(_ certificate: Certificate) {
        self.init(
            from: Int(certificate.notValidBefore.timeIntervalSince1970),
            until: Int(certificate.notValidAfter.timeIntervalSince1970)
        )
    }

    /// While both are good.
    func and(_ other: Self) -> Self {
        Self(from: max(from, other.from), until: min(until, other.until))
    }

    /// Why it isn't good; nil if it is.
    ///
    /// - Parameter now: seconds since 1970.
    package func refusal(at now: Int) -> TLSRefusal? {
        if now >= until { return .expiredCertificate }
        return now < from ? .notYetValidCertificate : nil
    }
}
