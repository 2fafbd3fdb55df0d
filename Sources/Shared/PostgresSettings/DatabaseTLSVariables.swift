internal import Bootstrap
internal import NIOSSL
internal import PostgresDriver
internal import TLSSupport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What the variables say of TLS to a database: `<prefix>_SSL_MODE`, `_SSL_CERT`, `_SSL_KEY`, `_SSL_ROOT_CERT`.
struct DatabaseTLSVariables {
    /// The names of the contract; those of libpq are taken too.
    enum Mode: String, CaseIterable, Sendable {
        case disabled, required
        case verifyCA = "verify-ca"
        case verifyFull = "verify-full"
        case disable, require

        var tls: PostgresConfiguration.TLSMode {
            switch self {
            case .disabled, .disable: .disable
            case .required, .require: .require
            case .verifyCA: .verifyCA
            case .verifyFull: .verifyFull
            }
        }
    }

    private let prefix: String
    /// Whether nothing plain may be opened (`MF_REQUIRE_TLS`).
    private let isRequired: Bool
    let mode: Mode
    let certificate: String?
    let key: String?
    let rootCertificate: String?

    init(_ variables: Variables, prefix: String) throws(ConfigurationError) {
        self.prefix = prefix
        isRequired = try variables.bool("MF_REQUIRE_TLS", default: false)
        mode = try variables.choice("\(prefix)_SSL_MODE", default: .disabled)
        certificate = variables.optionalString("\(prefix)_SSL_CERT")
        key = variables.optionalString("\(prefix)_SSL_KEY")
        rootCertificate = variables.optionalString("\(prefix)_SSL_ROOT_CERT")
    }

    private var files: [(name: String, path: String?)] {
        [("\(prefix)_SSL_CERT", certificate), ("\(prefix)_SSL_KEY", key), ("\(prefix)_SSL_ROOT_CERT", rootCertificate)]
    }

    // MARK: Contradictions

    /// Throws if the variables can't all be meant.
    ///
    /// - Parameter socket: the path, if the host is a Unix socket.
    func refuseWhatContradicts(_ socket: String?) throws(ConfigurationError) {
        guard mode.tls != .disable else { return try refuseWhatNeedsTLS() }
        if let socket {
            throw ConfigurationError("\(prefix)_HOST", socket, "a name or an address: a Unix socket has no TLS")
        }
        switch (certificate, key) {
        case (_?, nil): throw ConfigurationError("\(prefix)_SSL_KEY", "is missing beside \(prefix)_SSL_CERT")
        case (nil, _?): throw ConfigurationError("\(prefix)_SSL_CERT", "is missing beside \(prefix)_SSL_KEY")
        default: break
        }
        if rootCertificate == nil, mode.tls != .require {
            throw ConfigurationError("\(prefix)_SSL_ROOT_CERT", "is missing beside \(prefix)_SSL_MODE=\(mode.rawValue)")
        }
    }

    /// Who names files wants TLS: without it they would protect nothing.
    private func refuseWhatNeedsTLS() throws(ConfigurationError) {
        for file in files where file.path != nil {
            throw ConfigurationError("\(prefix)_SSL_MODE", mode.rawValue, "another mode beside \(file.name)")
        }
        if isRequired {
            throw ConfigurationError("\(prefix)_SSL_MODE", mode.rawValue, "another mode beside MF_REQUIRE_TLS")
        }
    }

    // MARK: Files

    /// Throws if a file isn't what its variable says.
    func checkFiles() throws(ConfigurationError) {
        try check(rootCertificate, "_SSL_ROOT_CERT") { path throws(TLSFileError) in
            _ = try TLSFile.certificates(in: path, .certificate)
        }
        var chain: [NIOSSLCertificate] = []
        try check(certificate, "_SSL_CERT") { path throws(TLSFileError) in
            chain = try TLSFile.certificates(in: path, .certificate)
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        try check(key, "_SSL_KEY") { path throws(TLSFileError) in
            configuration.privateKey = .privateKey(try TLSFile.privateKey(in: path))
        }
        guard let certificate, let key else { return }
        try checkRights(key)
        configuration.certificateChain = chain.map { .certificate($0) }
        guard (try? NIOSSLContext(configuration: configuration)) != nil else {
            throw ConfigurationError("\(prefix)_SSL_KEY", "\(key) isn't the private key of \(certificate)")
        }
    }

    private func check(
        _ path: String?,
        _ name: String,
        _ body: (String) throws(TLSFileError) -> Void
    ) throws(ConfigurationError) {
        guard let path else { return }
        do throws(TLSFileError) { try body(path) } catch {
            throw ConfigurationError(prefix + name, "\(error.path) \(error.problem)")
        }
    }

    /// libpq refuses a key that others can read, but for a group's right to read what belongs to root; and it takes
    /// what is before a colon for the name of a hardware engine.
    private func checkRights(_ path: String) throws(ConfigurationError) {
        let name = "\(prefix)_SSL_KEY"
        if path.contains(":") { throw ConfigurationError(name, path, "a path without a colon") }
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw ConfigurationError(name, "\(path) isn't a file")
        }
        guard facts.st_mode & (facts.st_uid == 0 ? 0o037 : 0o077) == 0 else {
            throw ConfigurationError(name, "\(path) is open to others than its owner: chmod 600 makes it private")
        }
    }
}
