import Foundation
import NIOSSL
import TestSupport
import Testing

@testable import TLSSupport

/// What becomes of a listener's TLS when its files change.
@Suite struct ReloadTests {
    private let pki: TestPKI
    private let metrics = RecordingMetrics()

    init() throws { pki = try TestPKI() }

    /// Files that are replaced in a test.
    private func paths() throws -> (certificate: String, key: String, authorities: String) {
        let folder = "\(pki.folder.path)/\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let paths = ("\(folder)/server.crt", "\(folder)/server.key", "\(folder)/ca.crt")
        try copy(pki.server.certificatePath, paths.0)
        try copy(pki.server.keyPath, paths.1)
        try copy(pki.authority.path, paths.2)
        return paths
    }

    private func copy(_ from: String, _ to: String) throws {
        try String(contentsOfFile: from, encoding: .utf8).write(toFile: to, atomically: true, encoding: .utf8)
    }

    private func tls(_ paths: (certificate: String, key: String, authorities: String)) throws -> ServerTLS {
        try ServerTLS(certificate: paths.certificate, key: paths.key, clientAuthorities: paths.authorities)
    }

    /// Looks until what has changed has stood still.
    private func look(_ tls: ServerTLS, isAsked: Bool = false) {
        for _ in 0..<(isAsked ? 1 : 2) { tls.live.look(isAsked: isAsked, metrics: metrics) }
    }

    private func results(_ result: String) -> Int64 {
        metrics.total("fluxgate_tls_reload_total{result=\(result)}") ?? 0
    }

    private func isLetIn(_ client: TLSConfiguration, by tls: ServerTLS) throws -> Bool {
        let pipe = try TLSPipe(tls, client: client)
        try pipe.run()
        return pipe.welcomes.count == 1
    }

    @Test func aNewPairIsShownOnceBothItsFilesAreThere() throws {
        let paths = try paths()
        let tls = try tls(paths)
        let new = try pki.authority.sign(["localhost"], purpose: .server)

        try copy(new.certificatePath, paths.certificate)
        look(tls)
        #expect(tls.live.current.chain == (try NIOSSLCertificate.fromPEMFile(pki.server.certificatePath)))
        #expect(results("failed") == 1 && results("reloaded") == 0)
        for _ in 0..<5 { look(tls) }
        #expect(results("failed") == 1, "what didn't change isn't read again")

        try copy(new.keyPath, paths.key)
        look(tls)
        #expect(tls.live.current.chain == (try NIOSSLCertificate.fromPEMFile(new.certificatePath)))
        #expect(results("failed") == 1 && results("reloaded") == 1)
        #expect(try isLetIn(pki.client(pki.authority.sign(["a thing's key"])), by: tls))
    }

    @Test func aFileThatIsStillWrittenIsWaitedFor() throws {
        let paths = try paths()
        let tls = try tls(paths)
        let other = try TestAuthority(pki.folder, name: "Other")
        let both = try [pki.authority.path, other.path].map { try String(contentsOfFile: $0, encoding: .utf8) + "\n" }

        for length in 1...3 {
            try both.joined().prefix(length * 10).description
                .write(toFile: paths.authorities, atomically: false, encoding: .utf8)
            tls.live.look(metrics: metrics)
        }
        #expect(metrics.all.isEmpty)
        try both.joined().write(toFile: paths.authorities, atomically: false, encoding: .utf8)
        look(tls)
        #expect(results("reloaded") == 1 && results("failed") == 0)
        #expect(try isLetIn(pki.client(other.sign(["a thing's key"])), by: tls))
    }

    @Test(arguments: ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", nil])
    func whatCannotBeReadChangesNothing(text: String?) throws {
        let paths = try paths()
        let tls = try tls(paths)
        for path in [paths.certificate, paths.key, paths.authorities] {
            try FileManager.default.removeItem(atPath: path)
            try text?.write(toFile: path, atomically: true, encoding: .utf8)
        }

        look(tls)
        #expect(results("failed") == 1 && results("reloaded") == 0)
        #expect(try isLetIn(pki.client(pki.authority.sign(["a thing's key"])), by: tls))
        look(tls, isAsked: true)
        #expect(results("failed") == 2, "an operator who asks is answered")
    }

    @Test func whoAsksGetsWhatIsThereAtOnce() throws {
        let paths = try paths()
        let tls = try tls(paths)
        look(tls, isAsked: true)
        #expect(metrics.all.isEmpty, "the same files again")

        try copy(TestAuthority(pki.folder, name: "Other").path, paths.authorities)
        look(tls, isAsked: true)
        #expect(results("reloaded") == 1)
        #expect(try !isLetIn(pki.client(pki.authority.sign(["a thing's key"])), by: tls))
    }

    /// As Kubernetes replaces the files of a secret: all at a time, by another link.
    @Test func theSwitchOfALinkToAFolderIsSeen() throws {
        let (before, files) = (try paths(), FileManager.default)
        let base = "\(pki.folder.path)/\(UUID())"
        let link = "\(base)-data"
        try files.createSymbolicLink(
            atPath: link,
            withDestinationPath: URL(fileURLWithPath: before.certificate).deletingLastPathComponent().path
        )
        for name in ["server.crt", "server.key", "ca.crt"] {
            try files.createSymbolicLink(atPath: "\(base)-\(name)", withDestinationPath: "\(link)/\(name)")
        }
        let tls = try tls(("\(base)-server.crt", "\(base)-server.key", "\(base)-ca.crt"))
        let (after, new) = (try paths(), try pki.authority.sign(["localhost"], purpose: .server))
        try copy(new.certificatePath, after.certificate)
        try copy(new.keyPath, after.key)

        let folder = URL(fileURLWithPath: after.certificate).deletingLastPathComponent().path
        try files.createSymbolicLink(atPath: "\(link).new", withDestinationPath: folder)
        #expect(rename("\(link).new", link) == 0)
        look(tls)
        #expect(results("reloaded") == 1 && results("failed") == 0)
        #expect(tls.live.current.chain == (try NIOSSLCertificate.fromPEMFile(new.certificatePath)))
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func noSessionOutlivesTheAuthoritiesItBeganUnder(version: TLSVersion) throws {
        let paths = try paths()
        let tls = try tls(paths)
        let client = try pki.client(pki.authority.sign(["a thing's key"]), version)
        // NIOSSL's client resumes nothing by itself; that no ticket is good is seen by the keys, which a context has.
        let before = tls.context
        try copy(TestAuthority(pki.folder, name: "Other").path, paths.authorities)
        look(tls)

        #expect(tls.context !== before)
        #expect(try !isLetIn(client, by: tls))
    }
}
