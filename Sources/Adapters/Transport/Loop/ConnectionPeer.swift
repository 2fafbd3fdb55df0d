package import AdaptersCore
package import Messaging
internal import Metrics
internal import Model
internal import NIOCore
package import TLSSupport

/// Who is at the other end of a connection, as far as TLS could tell, and what the client is refused there.
package final class ConnectionPeer {
    /// The client's. That of a proxy is nobody's: whom it speaks for each request says, see ``sender(of:known:)``.
    package let certificate: ClientCertificate
    /// Set if it is a proxy.
    private let verifier: PassedOnVerifier?
    private let address: SocketAddress?
    private let log: RefusalLog?

    /// A client whose certificate is known already.
    package convenience init(_ certificate: ClientCertificate = .notAsked) {
        self.init(certificate, nil, nil, nil)
    }

    /// A trusted proxy.
    package convenience init(proxy verifier: PassedOnVerifier) {
        self.init(.unusable(.noCertificate), verifier, nil, nil)
    }

    /// - Parameter tls: nil: the connection is plain.
    convenience init(_ peer: TLSPeer, on channel: any NIOCore.Channel, _ tls: TLSListener?) {
        let certificate: ClientCertificate =
            switch peer {
            case .anybody: .notAsked
            case .client(let name): ClientCertificate(name)
            case .proxy: .unusable(.noCertificate)
            }
        self.init(certificate, peer == .proxy ? tls?.verifier : nil, channel.remoteAddress, tls?.log)
    }

    private init(
        _ certificate: ClientCertificate,
        _ verifier: PassedOnVerifier?,
        _ address: SocketAddress?,
        _ log: RefusalLog?
    ) {
        self.certificate = certificate
        self.verifier = verifier
        self.address = address
        self.log = log
    }

    /// Who a request comes from: the client itself, or behind a proxy the one whose certificate is passed on with it.
    ///
    /// From anybody else a certificate in a header is no credential but an error: a proxy that isn't trusted here, or a
    /// client that would like to be another.
    ///
    /// - Parameter known: what was verified before.
    func sender(
        of request: RequestFacts,
        known: inout PassedOnCertificates
    ) throws(Refusal) -> ConnectionPeer {
        guard let verifier else {
            if request.certificateHeaders > 0 { throw .unexpectedCertificateHeader }
            return self
        }
        guard let header = request.certificateHeader, !header.text.isEmpty || request.certificateHeaders > 1 else {
            throw .noCertificate
        }
        guard request.certificateHeaders == 1 else { throw .badCertificateHeader }
        return ConnectionPeer(try known.certificate(in: header, by: verifier), nil, address, log)
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
