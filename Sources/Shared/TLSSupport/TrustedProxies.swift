internal import NIOSSL
internal import SwiftASN1
internal import X509

/// Which proxies may pass on the certificates of their clients.
package struct TrustedProxies: Sendable {
    let authorities: String
    let names: Set<String>

    /// - Parameters:
    ///   - authorities: PEM file with the certificates of those who may sign a proxy's, and nobody else's.
    ///   - names: the common names of the proxies.
    package init(authorities: String, names: Set<String>) {
        self.authorities = authorities
        self.names = names
    }
}

/// A listener's TLS as it is where trusted proxies may come in beside clients: both are let through the handshake, and
/// who is who is decided behind it.
struct ProxyTLS: Sendable {
    /// Trusts the authorities of both.
    let context: NIOSSLContext
    let clients: Authorities
    let proxies: Authorities
    let names: Set<String>

    /// Who has shown a certificate that was found good in this or in an earlier handshake.
    ///
    /// A client's authority makes nobody a proxy, and a proxy's nobody a client, whatever the names.
    func visitor(
        showing certificate: Certificate,
        lists: RevocationLists,
        at now: Int
    ) -> Result<TLSVisitor, TLSRefusal> {
        let name = CommonName(certificate)
        switch clients.judge(certificate, lists: lists, at: now) {
        case .success(let shown): return .success(TLSVisitor(peer: .client(name), certificate: shown))
        case .failure(.revokedCertificate): return .failure(.revokedCertificate)
        case .failure: break
        }
        switch proxies.judge(certificate, lists: lists, at: now) {
        case .failure(let reason): return .failure(reason)
        case .success(let shown):
            guard case .one(let text) = name, names.contains(text) else { return .failure(.unlistedProxy) }
            return .success(TLSVisitor(peer: .proxy, certificate: shown))
        }
    }
}

extension ProxyTLS {
    /// - Parameters:
    ///   - authorities: what the file of the proxies' authorities holds.
    ///   - clients: the clients' authorities, and their file.
    ///   - configuration: of a listener for clients only.
    init(
        _ trusted: TrustedProxies,
        _ authorities: [NIOSSLCertificate],
        besides clients: (authorities: [NIOSSLCertificate], path: String),
        _ configuration: TLSConfiguration
    ) throws(TLSFileError) {
        self.clients = try Authorities(clients.authorities, clients.path, .clientAuthorities)
        proxies = try Authorities(authorities, trusted.authorities, .proxyAuthorities)
        // A tenant may call its thing as a proxy is called.
        guard !self.clients.overlaps(proxies) else {
            let problem = "has an authority in common with \(clients.path)"
            throw TLSFileError(.proxyAuthorities, trusted.authorities, problem)
        }
        names = trusted.names
        var configuration = configuration
        configuration.trustRoots = .certificates(clients.authorities + authorities)
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSFileError(.proxyAuthorities, trusted.authorities, "can't be used: \(error)")
        }
    }
}

extension Authorities {
    /// Those of a file.
    init(
        _ certificates: [NIOSSLCertificate],
        _ path: String,
        _ role: TLSFileError.Role
    ) throws(TLSFileError) {
        do {
            self = try Authorities(certificates.map { try Certificate(derEncoded: $0.toDERBytes()) })
        } catch AuthoritiesError.unknownExtensions {
            let problem = "holds an authority with name constraints, or other demands that can't be judged here"
            throw TLSFileError(role, path, problem)
        } catch {
            throw TLSFileError(role, path, "holds no root that may sign, or a certificate that can't be read")
        }
    }
}
