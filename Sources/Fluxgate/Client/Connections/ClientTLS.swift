internal import NIOCore
package import NIOSSL

/// How the client speaks TLS: whom it trusts, and the certificate that it shows.
package struct ClientTLS: Sendable {
    /// Trusts whom the system trusts, and shows no certificate.
    package static let standard = ClientTLS(authorities: nil, identity: nil)

    private struct Identity: Sendable {
        let chain: [NIOSSLCertificate]
        let key: NIOSSLPrivateKey
    }

    private let authorities: [NIOSSLCertificate]?
    private let identity: Identity?

    private init(authorities: [NIOSSLCertificate]?, identity: Identity?) {
        self.authorities = authorities
        self.identity = identity
    }

    /// Reads PEM files.
    ///
    /// - Parameters:
    ///   - authorities: who is trusted, instead of whom the system trusts.
    ///   - certificate: the client's, and after it those between it and the root; goes with `key`.
    package init(authorities: String?, certificate: String?, key: String?) throws(ClientFailure) {
        self.authorities = if let authorities { try Self.certificates(in: authorities) } else { nil }
        switch (certificate, key) {
        case (nil, nil):
            identity = nil
        case (let certificate?, let key?):
            guard let secret = try? NIOSSLPrivateKey(file: key, format: .pem) else {
                throw ClientFailure(.usage, "\(key) can't be read as a private key in PEM form that isn't encrypted.")
            }
            identity = Identity(chain: try Self.certificates(in: certificate), key: secret)
        default:
            throw ClientFailure(.usage, "A client certificate and its key go together: give both or neither.")
        }
    }

    private static func certificates(in path: String) throws(ClientFailure) -> [NIOSSLCertificate] {
        guard let certificates = try? NIOSSLCertificate.fromPEMFile(path), !certificates.isEmpty else {
            throw ClientFailure(.usage, "\(path) can't be read as certificates in PEM form.")
        }
        return certificates
    }

    /// Whether the certificate may stand for a thing's key.
    package var showsCertificate: Bool { identity != nil }

    package var configuration: TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let authorities { configuration.trustRoots = .certificates(authorities) }
        if let identity {
            configuration.certificateChain = identity.chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(identity.key)
        }
        return configuration
    }

    /// What a connection to the address has at the front of its pipeline; nil if it is plain.
    func makeContext(for address: ServiceAddress) throws -> NIOSSLContext? {
        address.scheme.isSecure ? try NIOSSLContext(configuration: configuration) : nil
    }
}

extension Channel {
    /// Puts TLS at the front of the pipeline, if there is a context.
    func secure(with context: NIOSSLContext?, to address: ServiceAddress) throws {
        guard let context else { return }
        // An address has no place in the server name (RFC 6066 section 3); the certificate is held to it all the same.
        let isAddress = (try? SocketAddress(ipAddress: address.host, port: 0)) != nil
        let handler = try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : address.host)
        try pipeline.syncOperations.addHandler(handler, position: .first)
    }
}
