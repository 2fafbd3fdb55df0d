internal import Crypto

/// The files that a listener's TLS is made of.
struct ServerTLSFiles: Sendable {
    /// With the server's certificate, and after it those between it and the root.
    let certificate: String
    /// Its private key, not encrypted.
    let key: String
    /// With the certificates of those who may sign a client's; nil: clients show none.
    let clientAuthorities: String?
    /// Who may pass on what its clients showed; nobody without ``clientAuthorities``.
    let proxies: TrustedProxies?

    /// What the files held when they were read.
    struct Contents {
        let certificate: [UInt8]
        let key: [UInt8]
        let clientAuthorities: [UInt8]?
        let proxyAuthorities: [UInt8]?

        /// Equal for equal contents.
        var digest: SHA256.Digest {
            var hash = SHA256()
            for part in [certificate, key, clientAuthorities, proxyAuthorities] {
                hash.update(data: SHA256.hash(data: part ?? []).map(\.self))
                hash.update(data: [part == nil ? 0 : 1])
            }
            return hash.finalize()
        }
    }

    var proxyAuthorities: String? { clientAuthorities == nil ? nil : proxies?.authorities }

    /// Which versions of the files are there now.
    var marks: [FileMark?] {
        [certificate, key, clientAuthorities, proxyAuthorities].compactMap(\.self).map { FileMark($0) }
    }

    func read() throws(TLSFileError) -> Contents {
        let certificate = try TLSFile.bytes(of: certificate, .certificate)
        var authorities: [UInt8]?
        if let clientAuthorities { authorities = try TLSFile.bytes(of: clientAuthorities, .clientAuthorities) }
        let key = try TLSFile.bytes(of: key, .key)
        var proxies: [UInt8]?
        if let proxyAuthorities { proxies = try TLSFile.bytes(of: proxyAuthorities, .proxyAuthorities) }
        return Contents(
            certificate: certificate,
            key: key,
            clientAuthorities: authorities,
            proxyAuthorities: proxies
        )
    }
}
