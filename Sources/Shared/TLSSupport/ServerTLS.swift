package import NIOCore
internal import NIOSSL
internal import SwiftASN1
internal import X509

/// TLS as a server speaks it: its certificate, and whom it trusts to sign those of its clients.
///
/// BoringSSL checks a client's chain, dates and purpose in the handshake, so that a client that fails is told why by the
/// alert of RFC 8446 section 6.2. What TLS can't know, the name in the certificate, is left to the ``TLSGate``.
package struct ServerTLS: Sendable {
    /// The versions that can be asked for with `MF_TLS_MIN_VERSION`.
    package enum Version: String, CaseIterable, Sendable {
        case v1_2 = "1.2"
        case v1_3 = "1.3"
    }

    package let live: LiveTLS
    package let handshakeTimeout: TimeAmount
    /// How long a connection may last; nil: as long as it likes.
    package var maximumLifetime: Duration?
    private var letsProxiesIn = true

    /// Reads the files.
    ///
    /// - Parameters:
    ///   - name: what it is called in the log.
    ///   - certificate: a PEM file with the server's certificate, and after it those between it and the root.
    ///   - key: its private key in PEM form, not encrypted.
    ///   - clientAuthorities: PEM file with the certificates of those who may sign a client's; nil: clients show none.
    ///   - proxies: who may pass on what its clients showed; nobody without `clientAuthorities`.
    ///   - revocation: where the lists are of certificates that were taken back; nil: they aren't looked at.
    ///   - applicationProtocols: what is answered to a client that asks which it may speak (RFC 7301), best first.
    package init(
        _ name: String = "tls",
        certificate: String,
        key: String,
        clientAuthorities: String?,
        proxies: TrustedProxies? = nil,
        revocation: RevocationSource? = nil,
        applicationProtocols: [String] = [],
        minimumVersion: Version = .v1_2,
        handshakeTimeout: TimeAmount = .seconds(10)
    ) throws(TLSFileError) {
        let files = ServerTLSFiles(
            certificate: certificate,
            key: key,
            clientAuthorities: clientAuthorities,
            proxies: proxies
        )
        live = try LiveTLS(
            name,
            files,
            clientAuthorities == nil ? nil : revocation,
            minimumVersion,
            applicationProtocols
        )
        self.handshakeTimeout = handshakeTimeout
    }

    /// Whether a client must show a certificate.
    package var asksForCertificate: Bool { live.files.clientAuthorities != nil }

    /// What an operator should know about the files; nothing that would keep TLS from working now.
    package var warnings: [String] { live.warnings }

    /// The same for clients that come by themselves only.
    package var withoutProxies: Self {
        var tls = self
        tls.letsProxiesIn = false
        return tls
    }

    /// For a connection that begins now.
    var context: NIOSSLContext {
        let snapshot = live.current
        return proxies(of: snapshot)?.context ?? snapshot.context
    }

    /// Those of today; nil: there are none.
    var proxies: ProxyTLS? { proxies(of: live.current) }

    private func proxies(of snapshot: TLSSnapshot) -> ProxyTLS? { letsProxiesIn ? snapshot.proxies : nil }

    /// Who has shown this certificate, which was found good in this or in an earlier handshake.
    ///
    /// - Parameter now: seconds since 1970.
    func visitor(showing certificate: NIOSSLCertificate, at now: Int) -> Result<TLSVisitor, TLSRefusal> {
        let validity = CertificateValidity(certificate)
        if let reason = validity.refusal(at: now) { return .failure(reason) }
        let (snapshot, lists) = live.now
        let bytes = try? certificate.toDERBytes()
        let judges = (proxies: proxies(of: snapshot), clients: snapshot.clients)
        guard judges.proxies != nil || judges.clients != nil else {
            let name = bytes.map(CommonName.init(certificate:)) ?? .unreadable
            let shown = ShownCertificate(validity: validity, path: [])
            return .success(TLSVisitor(peer: .client(name), certificate: shown))
        }
        guard let parsed = bytes.flatMap({ try? Certificate(derEncoded: $0) }) else {
            return .failure(.untrustedCertificate)
        }
        if let proxies = judges.proxies { return proxies.visitor(showing: parsed, lists: lists, at: now) }
        let shown: Result<ShownCertificate, TLSRefusal> =
            judges.clients?.judge(parsed, lists: lists, at: now)
            ?? .success(ShownCertificate(validity: validity, path: []))
        return shown.map { TLSVisitor(peer: .client(CommonName(parsed)), certificate: $0) }
    }

    /// Whether a list names one of those by which the certificate was found good.
    package func isRevoked(_ certificate: ShownCertificate) -> Bool {
        let lists = live.lists
        return certificate.path.contains { lists.contains($0) }
    }

    /// Another one whenever authorities or lists have changed.
    package var generation: Int { live.generation }
}
