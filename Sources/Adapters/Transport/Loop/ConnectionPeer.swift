package import AdaptersCore
package import Messaging
internal import Metrics
internal import Model
internal import NIOCore
internal import TLSSupport

/// Who is at the other end of a connection, as far as TLS could tell, and what the client is refused there.
package final class ConnectionPeer {
    package let certificate: ClientCertificate
    private let address: SocketAddress?
    private let log: RefusalLog?

    package init(_ certificate: ClientCertificate = .notAsked) {
        self.certificate = certificate
        self.address = nil
        self.log = nil
    }

    /// - Parameters:
    ///   - name: in the client's certificate; nil if none was asked for.
    ///   - tls: nil: the connection is plain.
    init(_ name: CommonName?, on channel: any NIOCore.Channel, _ tls: TLSListener?) {
        certificate = name.map { ClientCertificate($0) } ?? .notAsked
        address = channel.remoteAddress
        log = tls?.log
    }

    /// Counts a refusal, and logs it if a certificate was asked for. It is rare enough for the metrics system.
    package func refused(_ reason: Refusal, _ source: SourceProtocol) {
        let labels = [("protocol", source.rawValue), ("reason", reason.rawValue)]
        Counter(label: "fluxgate_refused_total", dimensions: labels).increment()
        if certificate != .notAsked { log?.refused(reason.rawValue, remote: address, serial: nil) }
    }
}

extension ClientCertificate {
    /// What the name in a certificate that TLS found good is worth.
    init(_ name: CommonName) {
        self =
            switch name {
            case .one(let text): ThingKey(text).map { .key($0) } ?? .unusable(.unknownKey)
            case .none: .unusable(.noCommonName)
            case .several: .unusable(.severalCommonNames)
            case .unreadable: .unusable(.unknownKey)
            }
    }
}
