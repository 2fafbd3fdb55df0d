package import NIOCore
package import NIOSSL

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
    private var letsProxiesIn = true

    /// Reads the files.
    ///
    /// - Parameters:
    ///   - name: what it is called in the log.
    ///   - certificate: a PEM file with the server's certificate, and after it those between it and the root.
    ///   - key: its private key in PEM form, not encrypted.
    ///   - clientAuthorities: PEM file with the certificates of those who may sign a client's; nil: clients show none.
    ///   - proxies: who may pass on what its clients showed; nobody without `clientAuthorities`.
    package init(
        _ name: String = "tls",
        certificate: String,
        key: String,
        clientAuthorities: String?,
        proxies: TrustedProxies? = nil,
        minimumVersion: Version = .v1_2,
        handshakeTimeout: TimeAmount = .seconds(10)
    ) throws(TLSFileError) {
        let files = ServerTLSFiles(
            certificate: certificate,
            key: key,
            clientAuthorities: clientAuthorities,
            proxies: proxies
        )
        live = try LiveTLS(name, files, minimumVersion)
        self.handshakeTimeout = handshakeTimeout
    }

    /// Whether a client must show a certificate.
    package var asksForCertificate: Bool { live.files.clientAuthorities != nil }

    /// What an operator should know about the files; nothing that would keep TLS from working now.
    package var warnings: [String] { live.current.warnings }

    /// The certificate with what follows it, and its key, for servers of other libraries.
    package var pair: (chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) {
        let snapshot = live.current
        return (snapshot.chain, snapshot.key)
    }

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
    func peer(showing certificate: NIOSSLCertificate, at now: Int) -> Result<TLSPeer, TLSRefusal> {
        if let reason = CertificateValidity(certificate).refusal(at: now) { return .failure(reason) }
        if let proxies { return proxies.peer(showing: certificate, at: now) }
        let name = (try? certificate.toDERBytes()).map(CommonName.init(certificate:)) ?? .unreadable
        return .success(.client(name))
    }
}
