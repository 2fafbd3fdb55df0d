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
    private var term: ConnectionTerm
    /// Behind a proxy its own connection, which this client's can't outlive.
    private let carrier: ConnectionPeer?

    /// A client whose certificate is known already.
    package convenience init(_ certificate: ClientCertificate = .notAsked) {
        self.init(certificate, nil, nil, nil)
    }

    /// A trusted proxy.
    package convenience init(proxy verifier: PassedOnVerifier) {
        self.init(.unusable(.noCertificate), verifier, nil, nil)
    }

    /// - Parameters:
    ///   - tls: nil: the connection is plain.
    ///   - now: the loop's clock in nanoseconds.
    convenience init(
        _ visitor: TLSVisitor,
        at address: SocketAddress?,
        _ tls: TLSListener?,
        now: UInt64 = NIODeadline.now().uptimeNanoseconds
    ) {
        let certificate: ClientCertificate =
            switch visitor.peer {
            case .anybody: .notAsked
            case .client(let name): ClientCertificate(name)
            case .proxy: .unusable(.noCertificate)
            }
        let verifier = visitor.peer == .proxy ? tls?.verifier : nil
        self.init(certificate, verifier, address, tls?.log, ConnectionTerm(visitor.certificate, tls, from: now))
    }

    private init(
        _ certificate: ClientCertificate,
        _ verifier: PassedOnVerifier?,
        _ address: SocketAddress?,
        _ log: RefusalLog?,
        _ term: ConnectionTerm = ConnectionTerm(),
        carrier: ConnectionPeer? = nil
    ) {
        self.certificate = certificate
        self.verifier = verifier
        self.address = address
        self.log = log
        self.term = term
        self.carrier = carrier
    }

    /// Why its connection must end now, though it did nothing wrong; nil: it may go on.
    ///
    /// - Parameter now: the loop's clock in nanoseconds.
    package func end(at now: UInt64) -> ConnectionEnd? { term.end(at: now) ?? carrier?.end(at: now) }

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
        let (certificate, shown) = try known.certificate(in: header, by: verifier)
        return ConnectionPeer(certificate, nil, address, log, term.passedOn(shown), carrier: self)
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
