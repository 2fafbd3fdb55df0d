import FluxgateClient
import Foundation
import Model
import TestSupport
import Testing

@Suite struct ClientTLSTests {
    private let folder: TemporaryFolder
    private let pair: TestAuthority.Pair
    private let authority: TestAuthority

    init() throws {
        folder = try TemporaryFolder()
        authority = try TestAuthority(folder)
        pair = try authority.sign(["a thing's key"])
    }

    private func failure(_ authorities: String?, _ certificate: String?, _ key: String?) -> ClientFailure? {
        #expect(throws: ClientFailure.self) {
            try ClientTLS(authorities: authorities, certificate: certificate, key: key)
        }
    }

    @Test func certificateAndKeyGoTogether() throws {
        #expect(failure(nil, pair.certificatePath, nil)?.status == .usage)
        #expect(failure(nil, nil, pair.keyPath)?.status == .usage)
        let tls = try ClientTLS(authorities: nil, certificate: pair.certificatePath, key: pair.keyPath)
        #expect(tls.showsCertificate && !ClientTLS.standard.showsCertificate)
    }

    @Test func aFileThatCannotBeReadIsNamed() {
        #expect(failure("/nowhere", nil, nil)?.message.contains("/nowhere") == true)
        #expect(failure(nil, "/nowhere", pair.keyPath)?.message.contains("/nowhere") == true)
        #expect(failure(nil, pair.certificatePath, authority.path)?.message.contains(authority.path) == true)
    }

    @Test func besideACertificateNoKeyIsNeeded() throws {
        func target(_ tls: ClientTLS) throws -> MessageTarget {
            try MessageTarget(
                channel: .random(),
                via: nil,
                address: nil,
                key: nil,
                tls: tls,
                default: .http,
                ClientVariables([:])
            )
        }

        let tls = try ClientTLS(authorities: nil, certificate: pair.certificatePath, key: pair.keyPath)
        #expect(try target(tls).key == nil)
        #expect(throws: ClientFailure.self) { try target(.standard) }
    }
}
