import Foundation
import Model
import NIOCore
import SwiftASN1
import TestSupport
import X509

@testable import AdapterTransport
@testable import TLSSupport

/// Clients of a listener that looks at a revocation list.
final class CertifiedPeers {
    let listener: TLSListener
    /// What the listener takes for the time.
    let ahead = Proxy.Ahead()
    private let folder: TemporaryFolder
    private let authority: TestAuthority
    private let list: String

    /// - Parameter lifetime: how long a connection may last.
    init(lifetime: Duration? = nil) throws {
        folder = try TemporaryFolder()
        authority = try TestAuthority(folder)
        list = "\(folder.path)/list"
        try Data(authority.crl(TestCRL())).write(to: URL(fileURLWithPath: list))
        let server = try authority.sign(["localhost"], purpose: .server)
        var tls = try ServerTLS(
            certificate: server.certificatePath,
            key: server.keyPath,
            clientAuthorities: authority.path,
            revocation: RevocationSource(list)
        )
        tls.maximumLifetime = lifetime
        listener = TLSListener("test", tls, clock: { [ahead] in ahead.now })
    }

    /// A certificate that is good now.
    func certify(validity: ClosedRange<TimeInterval> = -3_600...3_600) throws -> (TestAuthority.Pair, ShownCertificate)
    {
        let pair = try authority.sign(["client"], validity: validity)
        return (
            pair, try Authorities([authority.certificate]).judge(pair.certificate, lists: .none, at: ahead.now).get()
        )
    }

    /// The end of a connection of the thing with this key.
    func peer(_ key: ThingKey, _ shown: ShownCertificate, at now: UInt64) -> ConnectionPeer {
        let visitor = TLSVisitor(peer: .client(.one(key.secret.revealed)), certificate: shown)
        return ConnectionPeer(visitor, at: nil, listener, now: now)
    }

    func revoke(_ pair: TestAuthority.Pair) throws {
        try Data(authority.crl(TestCRL([pair]))).write(to: URL(fileURLWithPath: list), options: .atomic)
        listener.tls.live.look()
    }
}
