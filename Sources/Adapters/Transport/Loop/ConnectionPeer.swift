package import AdaptersCore
internal import Model
package import NIOCore
package import TLSSupport

/// Who is at the other end of a connection, as far as TLS can tell. Confined to the connection's loop; what it says is fixed
/// before the first byte behind TLS is read.
package final class ConnectionPeer {
    package private(set) var certificate: ClientCertificate
    private let address: SocketAddress?
    private let log: RefusalLog?

    /// - Parameters:
    ///   - log: where refusals go that are about the certificate.
    package init(_ certificate: ClientCertificate = .notAsked, address: SocketAddress? = nil, log: RefusalLog? = nil) {
        self.certificate = certificate
        self.address = address
        self.log = log
    }

    /// The client has come through the handshake.
    func welcome(_ name: CommonName?) {
        guard let name else { return }
        certificate =
            switch name {
            case .one(let text): ThingKey(text).map { .key($0) } ?? .unusable(.unknownKey)
            case .none: .unusable(.noCommonName)
            case .several: .unusable(.severalCommonNames)
            case .unreadable: .unusable(.unknownKey)
            }
    }

    /// Logs a refusal, if a certificate was asked for: TLS had let this client in.
    package func refused(_ reason: Refusal) {
        if certificate != .notAsked { log?.refused(reason.rawValue, remote: address, serial: nil) }
    }
}
