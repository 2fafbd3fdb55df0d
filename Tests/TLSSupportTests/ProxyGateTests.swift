import Foundation
import NIOSSL
import SwiftASN1
import TestSupport
import Testing
import X509

@testable import TLSSupport

/// Who is let in where trusted proxies come in beside clients.
@Suite struct ProxyGateTests {
    private let pki: TestPKI
    private let proxies: TestAuthority

    init() throws {
        pki = try TestPKI()
        proxies = try TestAuthority(pki.folder, name: "Proxies")
    }

    private func tls(_ names: Set<String> = ["edge"], authorities: String? = nil) throws -> ServerTLS {
        try ServerTLS(
            certificate: pki.server.certificatePath,
            key: pki.server.keyPath,
            clientAuthorities: pki.authority.path,
            proxies: TrustedProxies(authorities: authorities ?? proxies.path, names: names)
        )
    }

    private func pipe(_ pair: TestAuthority.Pair, _ version: TLSVersion = .tlsv13) throws -> TLSPipe {
        let pipe = try TLSPipe(tls(), client: pki.client(pair, version))
        try pipe.run()
        try? pipe.send("hello")
        return pipe
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func whoIsWhoIsDecidedByTheAuthorityAndThenByTheName(version: TLSVersion) throws {
        let proxy = try pipe(proxies.sign(["edge"]), version)
        #expect(proxy.welcomes == [.proxy] && proxy.text == "hello")

        let thing = try pipe(pki.authority.sign(["a thing's key"]), version)
        #expect(thing.welcomes == [.client(.one("a thing's key"))] && thing.text == "hello")
        // A tenant may have called its thing so.
        #expect(try pipe(pki.authority.sign(["edge"]), version).welcomes == [.client(.one("edge"))])
    }

    @Test(arguments: [["Edge"], ["edge "], ["edge", "edge"], ["other"], ["a thing's key"], []])
    func aNameOfProxiesThatIsNotListedIsNobodys(names: [String]) throws {
        let pipe = try pipe(proxies.sign(names))

        #expect(pipe.refusals(.unlistedProxy) == 1 && pipe.allRefusals == 1)
        #expect(pipe.welcomes.isEmpty && pipe.text.isEmpty && pipe.isEnded)
    }

    @Test func whatFailsInTheHandshakeFailsForProxiesToo() throws {
        #expect(try pipe(proxies.sign(["edge"], purpose: .server)).refusals(.untrustedCertificate) == 1)
        #expect(try pipe(proxies.sign(["edge"], validity: -60 ... -1)).refusals(.expiredCertificate) == 1)
        let stranger = try TestAuthority(pki.folder, name: "Proxies")
        #expect(try pipe(stranger.sign(["edge"])).refusals(.untrustedCertificate) == 1)
    }

    /// BoringSSL builds its chain with what the client sends, and doesn't say with what; so nobody can be placed by it.
    @Test func whoCanBePlacedUnderNeitherIsNotLetIn() throws {
        for root in [pki.authority, proxies] {
            let middle = try root.authority("Middle")
            let pipe = try pipe(middle.sign(["edge"], sending: [middle]))

            #expect(pipe.refusals(.untrustedCertificate) == 1 && pipe.welcomes.isEmpty && pipe.text.isEmpty)
        }
    }

    @Test func withoutProxiesTheirAuthoritiesAreStrangers() throws {
        let pipe = try TLSPipe(tls().withoutProxies, client: pki.client(proxies.sign(["edge"])))
        try pipe.run()

        #expect(pipe.refusals(.untrustedCertificate) == 1 && pipe.welcomes.isEmpty)
        let thing = try TLSPipe(tls().withoutProxies, client: pki.client(pki.authority.sign(["a thing's key"])))
        try thing.run()
        #expect(thing.welcomes == [.client(.one("a thing's key"))])
    }

    @Test func proxiesAndThingsHaveNoAuthorityInCommon() throws {
        let below = try pki.authority.authority("Below")
        let both = "\(pki.folder.path)/\(UUID()).crt"
        let certificates = try [proxies, below].map { try $0.certificate.serializeAsPEM().pemString }
        try certificates.joined(separator: "\n").write(toFile: both, atomically: true, encoding: .utf8)

        for path in [pki.authority.path, both] {
            let error = #expect(throws: TLSFileError.self) { try tls(authorities: path) }
            #expect(error?.role == .proxyAuthorities && error?.path == path)
            #expect(error?.problem.hasPrefix("has an authority in common with") == true)
        }
    }

    @Test(arguments: ["/nowhere", ""])
    func aFileOfProxiesThatCannotBeUsedIsNamedWithItsRole(path: String) throws {
        let path = path.isEmpty ? pki.server.certificatePath : path
        let error = #expect(throws: TLSFileError.self) { try tls(authorities: path) }

        #expect(error?.role == .proxyAuthorities && error?.path == path)
    }
}
