import Foundation
import TestSupport
import Testing

@testable import TLSSupport

@Suite struct ServerTLSTests {
    private let pki: TestPKI

    init() throws { pki = try TestPKI() }

    private func file(_ text: String) throws -> String {
        let path = "\(pki.folder.path)/\(UUID())"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func error(
        certificate: String? = nil,
        key: String? = nil,
        authorities: String? = nil
    ) -> TLSFileError? {
        #expect(throws: TLSFileError.self) {
            try ServerTLS(
                certificate: certificate ?? pki.server.certificatePath,
                key: key ?? pki.server.keyPath,
                clientAuthorities: authorities
            )
        }
    }

    @Test func aFileThatIsMissingIsNamedWithItsRole() {
        #expect(error(certificate: "/nowhere")?.role == .certificate)
        #expect(error(key: "/nowhere")?.role == .key)
        #expect(error(authorities: "/nowhere") == TLSFileError(.clientAuthorities, "/nowhere", "can't be read"))
    }

    @Test(arguments: ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func aFileThatHoldsSomethingElseIsNamedWithItsRole(text: String) throws {
        let path = try file(text)

        #expect(error(certificate: path)?.role == .certificate && error(key: path)?.role == .key)
        #expect(error(authorities: path)?.role == .clientAuthorities)
    }

    /// A chain ends in a root only.
    @Test func authoritiesWithoutARootAreRefused() throws {
        #expect(error(authorities: pki.server.certificatePath)?.role == .clientAuthorities)
    }

    @Test func aKeyOfAnotherCertificateIsRefused() throws {
        let other = try pki.authority.sign(["localhost"], purpose: .server)

        #expect(error(key: other.keyPath)?.role == .key)
    }

    @Test func anOperatorIsWarnedOfWhatWillNotWorkForLong() throws {
        func warnings(_ pair: TestAuthority.Pair) throws -> [String] {
            try ServerTLS(certificate: pair.certificatePath, key: pair.keyPath, clientAuthorities: nil).warnings
        }
        let year: TimeInterval = 365 * 86_400
        let good = try pki.authority.sign(["localhost"], purpose: .server, validity: -1...year)

        #expect(try warnings(good) == [])
        #expect(
            try warnings(pki.authority.sign([], validity: -1...864_001)).first?.hasSuffix("expires in 10 days") == true
        )
        #expect(try warnings(pki.authority.sign([], validity: -9 ... -1)).first?.hasSuffix("has expired") == true)
        #expect(try warnings(pki.authority.sign([], validity: 9...year)).first?.hasSuffix("isn't valid yet") == true)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: good.keyPath)
        #expect(try warnings(good).first?.hasSuffix("can be read by everybody on this machine") == true)
    }
}
