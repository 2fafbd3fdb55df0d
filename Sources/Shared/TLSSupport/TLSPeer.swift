/// Who has been let in by the ``TLSGate``.
package enum TLSPeer: Sendable, Equatable {
    /// Certificates aren't asked for.
    case anybody
    /// A client, by the name in its own certificate.
    case client(CommonName)
    /// One of the trusted proxies: it must pass its clients' certificates on.
    case proxy
}
