package import Model

/// Where NATS is, and how to be let in.
package struct NATSConfiguration: Sendable {
    /// `nats://host:port` or `tls://host:port`, tried in turn; each may hold user and password, so none is ever shown.
    package var servers: [Secret]
    /// What the server lists the connection as.
    package var name = "fluxgate"
    package var user: String?
    package var password: Secret?
    package var token: Secret?
    /// A file with a user's JWT and seed, as NATS's own tools write it.
    package var credentials: String?
    /// A PEM file; nil: the system's. With it the connection is on TLS, whatever the addresses say.
    package var authorities: String?
    /// PEM files by which it proves itself; nil: it shows no certificate.
    package var clientPair: (certificate: String, key: String)?

    package var connectTimeout = Duration.seconds(2)
    /// How long a write may wait for a server that doesn't read.
    package var writeDeadline = Duration.seconds(5)

    /// Least bytes of a payload that the server has to take; 0: any.
    package var largestPayload = 0

    /// Whether the connection is on TLS: one that begins plain would show a password to whoever answers.
    package var isSecure: Bool { authorities != nil || servers.contains { $0.revealed.hasPrefix("tls://") } }

    package init(servers: [Secret]) { self.servers = servers }
}
