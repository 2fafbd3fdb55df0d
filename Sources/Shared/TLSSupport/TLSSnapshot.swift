internal import Crypto
internal import NIOCore
internal import NIOSSL
internal import SwiftASN1
internal import X509

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What a listener's files said when they were read last, ready to be used. It never changes; a new one takes its place.
///
/// Each has ticket keys of its own, so no session that began under other authorities can be resumed.
final class TLSSnapshot: Sendable {
    let context: NIOSSLContext
    let chain: [NIOSSLCertificate]
    /// What judges a client's certificate beside BoringSSL, where revocation lists are looked at; or in its place.
    let clients: Authorities?
    /// What takes the place of ``context`` where trusted proxies come in too.
    let proxies: ProxyTLS?
    /// What an operator should know about the files; nothing that would keep TLS from working now.
    let warnings: [String]
    /// Of what the files held.
    let digest: SHA256.Digest

    init(
        _ files: ServerTLSFiles,
        _ contents: ServerTLSFiles.Contents,
        minimumVersion: ServerTLS.Version,
        applicationProtocols: [String],
        judgesClients: Bool
    ) throws(TLSFileError) {
        chain = try TLSFile.certificates(contents.certificate, files.certificate, .certificate)
        var authorities: [NIOSSLCertificate]?
        if let path = files.clientAuthorities, let bytes = contents.clientAuthorities {
            authorities = try Self.authorities(bytes, path, .clientAuthorities)
        }
        let key = try TLSFile.privateKey(contents.key, files.key)

        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = minimumVersion == .v1_3 ? .tlsv13 : .tlsv12
        // Of TLS 1.2 one suite for each kind of key, with forward secrecy and authenticated encryption (RFC 9325 section 4.2).
        // Among several the client would choose: NIOSSL can't let the server.
        configuration.cipherSuites = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
        configuration.applicationProtocols = applicationProtocols
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
            guard let path = files.clientAuthorities, (try? NIOSSLContext(configuration: configuration)) != nil else {
                throw TLSFileError(.key, files.key, "isn't the private key of the certificate in \(files.certificate)")
            }
            throw TLSFileError(.clientAuthorities, path, "can't be used: \(error)")
        }
        if judgesClients, let authorities, let path = files.clientAuthorities {
            clients = try Authorities(authorities, path, .clientAuthorities)
        } else {
            clients = nil
        }
        var proxyAuthorities: [NIOSSLCertificate] = []
        if let trusted = files.proxies, let path = files.clientAuthorities, let authorities,
            let bytes = contents.proxyAuthorities
        {
            proxyAuthorities = try Self.authorities(bytes, trusted.authorities, .proxyAuthorities)
            proxies = try ProxyTLS(trusted, proxyAuthorities, besides: (authorities, path), configuration)
        } else {
            proxies = nil
        }
        warnings =
            Self.warnings(about: chain.prefix(1), files.certificate)
            + Self.warnings(about: (authorities ?? [])[...], files.clientAuthorities ?? "")
            + Self.warnings(about: proxyAuthorities[...], files.proxies?.authorities ?? "")
            + Self.warnings(aboutKey: files.key)
        digest = contents.digest
    }

    /// Whose revocation lists count.
    var signers: [Certificate] { (clients?.all ?? []) + (proxies?.proxies.all ?? []) }

    // MARK: Files

    /// A chain ends in a root only, so without one nobody would be trusted.
    private static func authorities(
        _ bytes: [UInt8],
        _ path: String,
        _ role: TLSFileError.Role
    ) throws(TLSFileError) -> [NIOSSLCertificate] {
        let authorities = try TLSFile.certificates(bytes, path, role)
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
