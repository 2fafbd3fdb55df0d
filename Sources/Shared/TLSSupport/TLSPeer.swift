/// Who has been let in by the ``TLSGate``.
package enum TLSPeer: Sendable, Equatable {
    /// Certificates aren't asked for.
    case anybody
    /// A client, by the name in its own certificate.
    case client(CommonName)
    /// One of the trusted proxies: it must pass its clients' certificates on.
    case proxy
}

/// Who has been let in, and by which certificate.
package struct TLSVisitor: Sendable, Equatable {
    package let peer: TLSPeer
    /// Nil where certificates aren't asked for.
    package let certificate: ShownCertificate?

    /// Somebody who has shown none.
    package static let anybody = TLSVisitor(peer: .anybody, certificate: nil)

    package init(peer: TLSPeer, certificate: ShownCertificate?) {
        self.peer = peer
        self.certificate = certificate
    }
}
