package import Model

/// Where PostgreSQL is, how to log in, and how much of it one program may take.
package struct PostgresConfiguration: Sendable {
    /// How the connection is secured (libpq's `sslmode`).
    package enum TLSMode: String, Sendable, CaseIterable {
        case disable
        /// Encrypted, whoever answers.
        case require
        /// Encrypted, and the server's certificate signed by ``rootCertificate``.
        case verifyCA = "verify-ca"
        /// The same, and the certificate is for ``host``.
        case verifyFull = "verify-full"
    }

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
    package var connectTimeout = Duration.seconds(5)
    /// How long the server may take for one statement.
    package var statementTimeout = Duration.seconds(10)

    package init(host: String, port: Int, user: String, password: Secret? = nil, database: String) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
    }

    /// The parameters of `PQconnectdbParams`.
    var parameters: [(String, String)] {
        var options = [
            "default_transaction_isolation=serializable", "statement_timeout=\(statementTimeout.milliseconds)",
            "idle_in_transaction_session_timeout=\(statementTimeout.milliseconds)", "bytea_output=hex",
            "client_min_messages=warning",
        ]
        if let schema { options.append("search_path=\(schema)") }
        var parameters = [
            ("host", host), ("port", "\(port)"), ("user", user), ("dbname", database), ("sslmode", tls.rawValue),
            ("gssencmode", "disable"), ("application_name", applicationName), ("client_encoding", "UTF8"),
            ("connect_timeout", "\(max(2, connectTimeout.milliseconds / 1_000))"),
            // A server that is gone without a word is noticed while its answer is awaited.
            ("tcp_user_timeout", "\(statementTimeout.milliseconds)"), ("keepalives_idle", "10"),
            ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("options", options.map { "-c \($0)" }.joined(separator: " ")),
        ]
        if let password { parameters.append(("password", password.revealed)) }
        if let certificate { parameters.append(("sslcert", certificate)) }
        if let key { parameters.append(("sslkey", key)) }
        if let rootCertificate { parameters.append(("sslrootcert", rootCertificate)) }
        return parameters
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
