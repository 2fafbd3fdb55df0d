package import Model

/// Where PostgreSQL is, how to log in, and how much of it one program may take. Nothing else counts: neither libpq's
/// own `PG*` variables nor the files that it looks for in the home folder.
package struct PostgresConfiguration: Sendable {
    /// How the connection is secured (libpq's `sslmode`). TLS is 1.2 or newer.
    package enum TLSMode: String, Sendable, CaseIterable {
        case disable
        /// Encrypted, whoever answers; but with a ``rootCertificate`` the same as ``verifyCA``, as libpq has it.
        case require
        /// Encrypted, and the server's certificate signed by ``rootCertificate``.
        case verifyCA = "verify-ca"
        /// The same, and the certificate is for ``host``.
        case verifyFull = "verify-full"
    }

    /// A name or an address; or the folder of a Unix socket, which has no TLS.
    package var host: String
    package var port: Int
    package var user: String
    package var password: Secret?
    package var database: String

    package var tls = TLSMode.disable
    /// PEM files; nil: none. Their names are all that is kept here.
    package var certificate: String?
    package var key: String?
    package var rootCertificate: String?

    /// What the server lists the connections as.
    package var applicationName = "fluxgate"
    /// The schema that tables are looked for in; nil: the server's default.
    package var schema: String?

    package var connections = 8
    /// Most callers that wait for a connection; more are answered as unavailable at once.
    package var maximumWaiting = 1_000
    /// How long a caller waits for a connection before it is answered as unavailable.
    package var waitTimeout = Duration.seconds(5)
    /// How long one address of the host may take until it has let us in.
    package var connectTimeout = Duration.seconds(5)
    /// How long the server may take for one statement.
    package var statementTimeout = Duration.seconds(10)
    /// How much later than that its answer may come before the connection counts as lost.
    package var answerGrace = Duration.seconds(2)

    package init(host: String, port: Int, user: String, password: Secret? = nil, database: String) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
    }

    /// Whether the host is the folder of a Unix socket, or the name of an abstract one.
    package var isSocket: Bool { host.hasPrefix("/") || host.hasPrefix("@") }
}
