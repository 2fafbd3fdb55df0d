package import NIOCore
internal import NIOSSL
internal import SwiftASN1
internal import X509

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

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

    let context: NIOSSLContext
    /// The files, for servers of other libraries, which read them themselves.
    package let certificateFile: String
    package let keyFile: String
    /// What takes the place of ``context`` where trusted proxies come in too.
    private(set) var proxies: ProxyTLS?
    /// Whether a client must show a certificate.
    package let asksForCertificate: Bool
    package let handshakeTimeout: TimeAmount
    /// What an operator should know about the files; nothing that would keep TLS from working now.
    package let warnings: [String]

    /// Reads the files. Tickets of resumed sessions are good for this value only: another one, with other authorities, has
    /// other ticket keys.
    ///
    /// - Parameters:
    ///   - certificate: a PEM file with the server's certificate, and after it those between it and the root.
    ///   - key: its private key in PEM form, not encrypted.
    ///   - clientAuthorities: PEM file with the certificates of those who may sign a client's; nil: clients show none.
    ///   - proxies: who may pass on what its clients showed; nobody without `clientAuthorities`.
    package init(
        certificate: String,
        key: String,
        clientAuthorities: String?,
        proxies: TrustedProxies? = nil,
        minimumVersion: Version = .v1_2,
        handshakeTimeout: TimeAmount = .seconds(10)
    ) throws(TLSFileError) {
        let chain = try TLSFile.certificates(in: certificate, .certificate)
        let authorities: [NIOSSLCertificate]? =
            if let clientAuthorities { try Self.authorities(in: clientAuthorities, .clientAuthorities) } else { nil }
        let privateKey = try TLSFile.privateKey(in: key)

        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(privateKey)
        )
        configuration.minimumTLSVersion = minimumVersion == .v1_3 ? .tlsv13 : .tlsv12
        // Of TLS 1.2 what has forward secrecy and authenticated encryption (RFC 9325 section 4.2).
        configuration.cipherSuites = "ECDHE+AESGCM:ECDHE+CHACHA20"
        // For so long the peer's close_notify is waited for, also when it has come: half-closed connections hide it.
        configuration.shutdownTimeout = .milliseconds(250)
        if let authorities {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates(authorities)
            configuration.sendCANameList = true
        }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            configuration.certificateVerification = .none
            configuration.trustRoots = nil
            guard let clientAuthorities, (try? NIOSSLContext(configuration: configuration)) != nil else {
                throw TLSFileError(.key, key, "isn't the private key of the certificate in \(certificate)")
            }
            throw TLSFileError(.clientAuthorities, clientAuthorities, "can't be used: \(error)")
        }
        certificateFile = certificate
        keyFile = key
        var proxyAuthorities: [NIOSSLCertificate] = []
        if let proxies, let authorities, let clientAuthorities {
            proxyAuthorities = try Self.authorities(in: proxies.authorities, .proxyAuthorities)
            self.proxies = try ProxyTLS(
                proxies,
                proxyAuthorities,
                besides: (authorities, clientAuthorities),
                configuration
            )
        }
        asksForCertificate = authorities != nil
        self.handshakeTimeout = handshakeTimeout
        warnings =
            Self.warnings(about: chain.prefix(1), certificate)
            + Self.warnings(about: (authorities ?? [])[...], clientAuthorities ?? "")
            + Self.warnings(about: proxyAuthorities[...], proxies?.authorities ?? "")
            + Self.warnings(aboutKey: key)
    }

    /// The same for clients that come by themselves only.
    package var withoutProxies: Self {
        var tls = self
        tls.proxies = nil
        return tls
    }

    /// Who has shown this certificate, which was found good in this or in an earlier handshake.
    ///
    /// - Parameter now: seconds since 1970.
    func peer(showing certificate: NIOSSLCertificate, at now: Int) -> Result<TLSPeer, TLSRefusal> {
        if let reason = CertificateValidity(certificate).refusal(at: now) { return .failure(reason) }
        if let proxies { return proxies.peer(showing: certificate, at: now) }
        let name = (try? certificate.toDERBytes()).map(CommonName.init(certificate:)) ?? .unreadable
        return .success(.client(name))
    }

    // MARK: Files

    /// A chain ends in a root only, so without one nobody would be trusted.
    private static func authorities(
        in path: String,
        _ role: TLSFileError.Role
    ) throws(TLSFileError) -> [NIOSSLCertificate] {
        let authorities = try TLSFile.certificates(in: path, role)
        let hasRoot = authorities.contains { authority in
            let certificate = try? Certificate(derEncoded: authority.toDERBytes())
            return certificate.map { $0.subject == $0.issuer } ?? false
        }
        guard hasRoot else { throw TLSFileError(role, path, "holds no root, one that is its own issuer") }
        return authorities
    }

    // MARK: Warnings

    private static func warnings(about certificates: ArraySlice<NIOSSLCertificate>, _ path: String) -> [String] {
        let now = time(nil)
        return certificates.compactMap { certificate in
            let days = (certificate.notValidAfter - now) / 86_400
            if certificate.notValidAfter <= now { return "\(path): a certificate has expired" }
            if certificate.notValidBefore > now { return "\(path): a certificate isn't valid yet" }
            return days < 30 ? "\(path): a certificate expires in \(days) days" : nil
        }
    }

    private static func warnings(aboutKey path: String) -> [String] {
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_mode & 0o007 != 0 else { return [] }
        return ["\(path): the private key can be read by everybody on this machine"]
    }
}

/// Why TLS can't be served with the files that were named.
package struct TLSFileError: Error, Equatable {
    package enum Role: Sendable {
        case certificate, key, clientAuthorities, proxyAuthorities
    }

    package let role: Role
    package let path: String
    package let problem: String

    init(_ role: Role, _ path: String, _ problem: String) {
        self.role = role
        self.path = path
        self.problem = problem
    }
}
