package import Bootstrap
internal import Foundation
internal import Model
package import NATSBus
internal import NIOSSL

extension NATSConfiguration {
    /// Reads `MF_NATS_URL` and the variables beside it. Throws if a file that is named can't be read.
    ///
    /// - Parameter name: the program's.
    package init(_ variables: Variables, name: String) throws(ConfigurationError) {
        self.init(servers: variables.addresses("MF_NATS_URL", default: "nats://localhost:4222"))
        self.name = name
        let urls = servers.compactMap { URL(string: $0.revealed) }
            .filter { ["nats", "tls"].contains($0.scheme) && $0.host?.isEmpty == false }
            .filter { (1...65_535).contains($0.port ?? 4222) }
        guard !urls.isEmpty, urls.count == servers.count else {
            throw ConfigurationError(
                "MF_NATS_URL",
                "expected nats://host:port or tls://host:port, or several with commas"
            )
        }
        user = variables.optionalString("MF_NATS_USER")
        password = variables.secret("MF_NATS_PASS")
        token = variables.secret("MF_NATS_TOKEN")
        credentials = try variables.readableFile("MF_NATS_CREDENTIALS", "a file with a NATS user's JWT and seed") {
            $0.contains("BEGIN NATS USER JWT") && $0.contains("BEGIN USER NKEY SEED")
        }
        authorities = try variables.certificates("MF_NATS_CA_CERTS")
        clientPair = try variables.clientPair("MF_NATS")
        guard clientPair == nil || isSecure else {
            throw ConfigurationError("MF_NATS_CA_CERTS", "is missing beside MF_NATS_CLIENT_CERT")
        }
        guard password == nil || user != nil else {
            throw ConfigurationError("MF_NATS_USER", "is missing beside MF_NATS_PASS")
        }
    }

    /// Where it is, for people.
    package var summary: String {
        servers.compactMap { URL(string: $0.revealed) }
            .map { "\($0.scheme ?? "nats")://\($0.host ?? ""):\($0.port ?? 4222)" }
            .joined(separator: ",")
    }
}

extension Variables {
    /// The path of a file of certificates in PEM form; nil if none is named.
    func certificates(_ name: String) throws(ConfigurationError) -> String? {
        try readableFile(name, "a PEM file of certificates") { text in
            (try? NIOSSLCertificate.fromPEMBytes(Array(text.utf8)))?.isEmpty == false
        }
    }

    /// The files by which a program proves itself: `<prefix>_CLIENT_CERT` and `_CLIENT_KEY`; nil if neither is named.
    func clientPair(_ prefix: String) throws(ConfigurationError) -> (certificate: String, key: String)? {
        let names = (certificate: "\(prefix)_CLIENT_CERT", key: "\(prefix)_CLIENT_KEY")
        let certificate = try certificates(names.certificate)
        let key = try readableFile(names.key, "a PEM file with a private key that isn't encrypted") { text in
            (try? NIOSSLPrivateKey(bytes: Array(text.utf8), format: .pem)) != nil
        }
        switch (certificate, key) {
        case (nil, nil): return nil
        case (_?, nil): throw ConfigurationError(names.key, "is missing beside \(names.certificate)")
        case (nil, _?): throw ConfigurationError(names.certificate, "is missing beside \(names.key)")
        case (let certificate?, let key?):
            guard Self.belongTogether(certificate, key) else {
                throw ConfigurationError(names.key, key, "the private key of the certificate in \(certificate)")
            }
            return (certificate, key)
        }
    }

    private static func belongTogether(_ certificate: String, _ key: String) -> Bool {
        var configuration = TLSConfiguration.makeClientConfiguration()
        guard let chain = try? NIOSSLCertificate.fromPEMFile(certificate),
            let key = try? NIOSSLPrivateKey(file: key, format: .pem)
        else { return false }
        configuration.certificateChain = chain.map { .certificate($0) }
        configuration.privateKey = .privateKey(key)
        return (try? NIOSSLContext(configuration: configuration)) != nil
    }

    /// The path of a file that can be read and holds what it should; nil if none is named.
    func readableFile(
        _ name: String,
        _ expected: String,
        holds isGood: (String) -> Bool
    ) throws(ConfigurationError) -> String? {
        guard let path = optionalString(name) else { return nil }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
            let data = FileManager.default.contents(atPath: path)
        else { throw ConfigurationError(name, path, "a file that can be read") }
        guard isGood(String(decoding: data, as: UTF8.self)) else { throw ConfigurationError(name, path, expected) }
        return path
    }
}
