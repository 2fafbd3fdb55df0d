internal import NIOSSL
internal import SwiftASN1
internal import X509

/// A certificate that a trusted proxy has passed on, found as good as if its owner had come by itself.
package struct PassedOnCertificate: Sendable, Equatable {
    package let name: CommonName
    /// For how long it may be taken for good without looking at it again, and by what lists may name it.
    package let shown: ShownCertificate
}

/// Why a certificate that was passed on is not accepted.
package enum PassedOnRefusal: Error, Equatable {
    /// The header can't be read: that is the proxy's fault, not its client's.
    case unreadable
    case refused(TLSRefusal)
}

/// Judges again what a proxy passes on: it has seen that the client holds the certificate's key, and that alone is
/// taken from it.
package struct PassedOnVerifier: Sendable {
    /// Those of today, as a proxy's connection may outlive many of their changes; nil: there are none any more.
    private let authorities: @Sendable () -> Authorities?
    private let lists: @Sendable () -> RevocationLists
    private let versions: @Sendable () -> Int
    private let clock: @Sendable () -> Int

    init(_ tls: ServerTLS, clock: @escaping @Sendable () -> Int) {
        authorities = { tls.proxies?.clients }
        lists = { tls.live.lists }
        versions = { tls.live.generation }
        self.clock = clock
    }

    init(authorities: Authorities, clock: @escaping @Sendable () -> Int) {
        self.authorities = { authorities }
        lists = { .none }
        versions = { 0 }
        self.clock = clock
    }

    /// What was verified under another one has to be verified again.
    package var generation: Int { versions() }

    /// Seconds since 1970.
    package var now: Int { clock() }

    package func verify(_ header: CertificateHeader) throws(PassedOnRefusal) -> PassedOnCertificate {
        guard let bytes = header.certificate else { throw .unreadable }
        // What BoringSSL can't read would not have come through a handshake. swift-certificates reads more than it can
        // deal with: a minute of 62 seconds fails an assertion.
        guard (try? NIOSSLCertificate(bytes: bytes, format: .der)) != nil,
            let certificate = try? Certificate(derEncoded: bytes)
        else { throw .refused(.untrustedCertificate) }
        guard let authorities = authorities() else { throw .refused(.untrustedCertificate) }
        do {
            let shown = try authorities.judge(certificate, lists: lists(), at: now).get()
            return PassedOnCertificate(name: CommonName(certificate), shown: shown)
        } catch {
            throw .refused(error)
        }
    }
}
