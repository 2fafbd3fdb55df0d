package import AdaptersCore
internal import Model
internal import NIOCore
internal import TLSSupport

/// Who is at the other end of a connection, as far as TLS can tell. Confined to the connection's loop; what it says is fixed
/// before the first byte behind TLS is read.
package final class ConnectionPeer {
    package private(set) var certificate: ClientCertificate
    private let address: SocketAddress?
    private let log: RefusalLog?

    /// What is known already.
    package init(_ certificate: ClientCertificate = .notAsked) {
        self.certificate = certificate
        self.address = nil
        self.log = nil
    }

    /// The peer of a new connection. Where a certificate is asked for it is nobody until the handshake is over.
    init(of channel: any NIOCore.Channel, _ tls: TLSListener?) {
        certificate = tls?.asksForCertificate == true ? .unusable(.unknownKey) : .notAsked
        address = channel.remoteAddress
        log = tls?.log
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
