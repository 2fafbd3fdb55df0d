internal import Model
internal import SQL

extension PostgresConfiguration {
    /// What no file can be called: libpq goes without the file, and looks for none in the home folder.
    private static let nowhere = "/dev/null/none"

    /// The parameters of `PQconnectStartParams`. What is left out or empty libpq would fill from elsewhere.
    ///
    /// - Parameter address: one of the host's addresses; nil for a Unix socket.
    func parameters(_ address: String?) -> [(String, String)] {
        var parameters = [
            // Two times the same socket, with two addresses that are none: one alone would count as not given.
            ("host", address == nil ? "\(host),\(host)" : host), ("hostaddr", address ?? ","),
            ("port", "\(port)"), ("user", user), ("dbname", database), ("passfile", Self.nowhere),
            ("sslmode", tls.rawValue), ("ssl_min_protocol_version", "TLSv1.2"), ("sslcrl", Self.nowhere),
            ("sslcert", certificate ?? Self.nowhere), ("sslkey", key ?? Self.nowhere),
            ("sslrootcert", rootCertificate ?? Self.nowhere),
            ("gssencmode", "disable"), ("application_name", applicationName), ("client_encoding", "UTF8"),
            // A server that is gone without a word is noticed while nothing is asked of it, too.
            ("tcp_user_timeout", "\(statementTimeout.milliseconds)"), ("keepalives", "1"), ("keepalives_idle", "10"),
            ("keepalives_interval", "5"), ("keepalives_count", "3"), ("options", options),
        ]
        if let password { parameters.append(("password", password.revealed)) }
        return parameters
    }

    /// Settings of the session, as the server's command line takes them: a backslash goes before spaces and
    /// backslashes.
    private var options: String {
        var options = [
            "default_transaction_isolation=serializable", "statement_timeout=\(statementTimeout.milliseconds)",
            "idle_in_transaction_session_timeout=\(statementTimeout.milliseconds)", "bytea_output=hex",
            "client_min_messages=warning",
        ]
        if let schema { options.append("search_path=\"\(schema.replacing("\"", with: "\"\""))\"") }
        return options.map { option in
            "-c " + option.flatMap { $0.isWhitespace || $0 == "\\" ? ["\\", $0] : [$0] }
        }
        .joined(separator: " ")
    }

    /// Why nobody could connect with it; nil if nothing speaks against it.
    var problem: String? {
        if host.isEmpty || user.isEmpty || database.isEmpty { return "no host, no user or no database is given" }
        if isSocket, tls != .disable { return "a Unix socket has no TLS" }
        if isSocket, host.contains(",") { return "the path of a Unix socket has a comma" }
        return nil
    }
}
