import Foundation
import Model
import SwiftASN1
import Synchronization
import TestSupport
import X509

@testable import AdapterTransport
@testable import TLSSupport

/// A trusted proxy, and the certificates that it passes on.
final class Proxy {
    let folder: TemporaryFolder
    let authority: TestAuthority
    /// Seconds that the adapter's clock is ahead.
    let ahead = Ahead()

    final class Ahead: Sendable {
        private let seconds = Mutex(0)

        var now: Int { Int(Date.now.timeIntervalSince1970) + seconds.withLock { $0 } }

        func set(_ value: Int) { seconds.withLock { $0 = value } }
    }

    init() throws {
        folder = try TemporaryFolder()
        authority = try TestAuthority(folder)
    }

    /// The proxy's end of a connection.
    func peer() throws -> ConnectionPeer {
        let authorities = try Authorities([authority.certificate])
        return ConnectionPeer(proxy: PassedOnVerifier(authorities: authorities, clock: { [ahead] in ahead.now }))
    }

    /// The header with a certificate of these names, in nginx's form.
    func header(
        _ names: String...,
        by authority: TestAuthority? = nil,
        purpose: TestAuthority.Purpose = .client,
        validity: ClosedRange<TimeInterval> = -3_600...3_600
    ) throws -> String {
        let pair = try (authority ?? self.authority).sign(names, purpose: purpose, validity: validity)
        return try header(pair)
    }

    func header(_ pair: TestAuthority.Pair) throws -> String {
        let text = try pair.certificate.serializeAsPEM().pemString
        let escapes = [("\n", "%0A"), (" ", "%20"), ("+", "%2B"), ("/", "%2F"), ("=", "%3D")]
        return "X-Client-Cert: " + escapes.reduce(text) { $0.replacing($1.0, with: $1.1) }
    }

    /// The same certificate in the form of RFC 9440.
    func standardHeader(_ pair: TestAuthority.Pair) throws -> String {
        let bytes = try pair.certificate.serializeAsPEM().derBytes
        return "Client-Cert: :\(Data(bytes).base64EncodedString()):"
    }
}

extension Publisher {
    /// A request of a thing that shows no key.
    func passedOn(_ headers: String..., body: String = "hello") -> String {
        request(body, authorization: "none", headers: headers)
    }
}
