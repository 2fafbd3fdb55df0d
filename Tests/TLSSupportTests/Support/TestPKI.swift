import NIOSSL
import TestSupport

@testable import TLSSupport

/// One authority with a server's pair, and the contexts to go with them.
struct TestPKI {
    let folder: TemporaryFolder
    let authority: TestAuthority
    let server: TestAuthority.Pair

    init() throws {
        folder = try TemporaryFolder()
        authority = try TestAuthority(folder)
        server = try authority.sign(["localhost"], purpose: .server)
    }

    func tls(asking: Bool = true, minimum: ServerTLS.Version = .v1_2) throws -> ServerTLS {
        try ServerTLS(
            certificate: server.certificatePath,
            key: server.keyPath,
            clientAuthorities: asking ? authority.path : nil,
            minimumVersion: minimum
        )
    }

    func client(_ pair: TestAuthority.Pair?, _ version: TLSVersion = .tlsv13) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .noHostnameVerification
        configuration.trustRoots = .file(authority.path)
        configuration.maximumTLSVersion = version
        if let pair {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(pair.certificatePath)
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: pair.keyPath, format: .pem))
        }
        return configuration
    }

    func pipe(_ pair: TestAuthority.Pair?, _ version: TLSVersion = .tlsv13) throws -> TLSPipe {
        try TLSPipe(tls(), client: client(pair, version))
    }
}
