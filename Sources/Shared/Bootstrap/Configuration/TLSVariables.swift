internal import NIOCore
package import TLSSupport

/// Reads what the `MF_*` variables say of TLS, listener by listener, and the files that they name.
package struct TLSVariables {
    /// Whether nothing plain may be opened (`MF_REQUIRE_TLS`).
    package let isRequired: Bool
    /// What an operator should know, though it keeps nothing from starting.
    package private(set) var warnings: [String] = []

    /// What is read again when it changes.
    package let files = LiveFiles()

    private let variables: Variables
    private let minimumVersion: ServerTLS.Version
    private let handshakeTimeout: TimeAmount

    package init(_ variables: Variables) throws(ConfigurationError) {
        self.variables = variables
        isRequired = try variables.bool("MF_REQUIRE_TLS", default: false)
        minimumVersion = try variables.choice("MF_TLS_MIN_VERSION", default: .v1_2)
        let timeout = try variables.duration("MF_TLS_HANDSHAKE_TIMEOUT", default: "10s")
        handshakeTimeout = .nanoseconds(Int64(clamping: timeout.nanoseconds))
    }

    /// `<prefix>_SERVER_CERT` and `_SERVER_KEY` turn TLS on, `<prefix>_CLIENT_CA_CERTS` asks for client certificates,
    /// `<prefix>_PROXY_CA_CERTS` and `_TRUSTED_PROXIES` let proxies pass them on, `<prefix>_CLIENT_CRL` takes some back. Throws if there is half a pair of
    /// either, or one without what it needs.
    package mutating func adapter(_ prefix: String) throws(ConfigurationError) -> ServerTLS? {
        let names = Names(prefix)
        let authorities = variables.optionalString(names.clientAuthorities)
        let proxies = try proxies(names)
        let revocation = try revocation(names)
        let lifetime = try variables.optionalDuration("\(prefix)_TLS_MAX_LIFETIME")
        switch (variables.optionalString(names.certificate), variables.optionalString(names.key)) {
        case (let certificate?, let key?):
            var tls = try read(names, certificate, key, authorities, proxies, revocation)
            tls.maximumLifetime = lifetime
            return tls
        case (_?, nil):
            throw ConfigurationError(names.key, "is missing beside \(names.certificate)")
        case (nil, _?):
            throw ConfigurationError(names.certificate, "is missing beside \(names.key)")
        case (nil, nil) where authorities != nil:
            throw ConfigurationError(names.certificate, "is missing beside \(names.clientAuthorities)")
        case (nil, nil):
            try refuseIfRequired(names)
            return nil
        }
    }

    /// `<prefix>_SERVER_CERT` and `_SERVER_KEY` turn TLS on; half a pair leaves it off, with a warning (contract section 12).
    package mutating func service(_ prefix: String) throws(ConfigurationError) -> ServerTLS? {
        let names = Names(prefix)
        switch (variables.optionalString(names.certificate), variables.optionalString(names.key)) {
        case (let certificate?, let key?):
            return try read(names, certificate, key, nil, nil, nil)
        case (nil, nil):
            try refuseIfRequired(names)
        case (let certificate, _):
            try refuseIfRequired(names)
            let (given, missing) = certificate == nil ? (names.key, names.certificate) : (names.certificate, names.key)
            warnings.append("\(given) without \(missing): this listener stays plain")
        }
        return nil
    }

    /// That of a gRPC listener: the pair of its service, and `<prefix>_CLIENT_CA_CERTS` asks for client certificates.
    ///
    /// It is the only one that says `h2`, so it has a context of its own.
    ///
    /// - Parameter service: what ``service(_:)`` has answered.
    package mutating func rpc(_ prefix: String, besides service: ServerTLS?) throws(ConfigurationError) -> ServerTLS? {
        let names = Names(prefix)
        let authorities = variables.optionalString(names.clientAuthorities)
        guard service != nil, let certificate = variables.optionalString(names.certificate),
            let key = variables.optionalString(names.key)
        else {
            guard authorities == nil else {
                throw ConfigurationError(names.certificate, "is missing beside \(names.clientAuthorities)")
            }
            return nil
        }
        return try read(names, certificate, key, authorities, nil, nil, applicationProtocols: ["h2"])
    }

    private func proxies(_ names: Names) throws(ConfigurationError) -> TrustedProxies? {
        let authorities = variables.optionalString(names.proxyAuthorities)
        switch (authorities, variables.optionalString(names.trustedProxies)) {
        case (nil, nil):
            return nil
        case (_?, nil):
            throw ConfigurationError(names.trustedProxies, "is missing beside \(names.proxyAuthorities)")
        case (nil, _?):
            throw ConfigurationError(names.proxyAuthorities, "is missing beside \(names.trustedProxies)")
        case (let authorities?, let list?):
            guard variables.optionalString(names.clientAuthorities) != nil else {
                throw ConfigurationError(names.clientAuthorities, "is missing beside \(names.proxyAuthorities)")
            }
            let commonNames = list.commaSeparated
            guard !commonNames.contains("") else {
                throw ConfigurationError(names.trustedProxies, list, "common names with commas between them")
            }
            return TrustedProxies(authorities: authorities, names: Set(commonNames))
        }
    }

    private func revocation(_ names: Names) throws(ConfigurationError) -> RevocationSource? {
        let interval = try variables.duration(
            names.revocationInterval,
            default: "1h",
            in: .seconds(1)...(.seconds(30 * 86_400))
        )
        guard let place = variables.optionalString(names.revocationLists) else { return nil }
        guard variables.optionalString(names.clientAuthorities) != nil else {
            throw ConfigurationError(names.clientAuthorities, "is missing beside \(names.revocationLists)")
        }
        let source = RevocationSource(place, interval: interval)
        // It would stand in logs.
        if source.isAddress, place.contains("@") {
            throw ConfigurationError(names.revocationLists, "an address may not name a user")
        }
        return source
    }

    private func refuseIfRequired(_ names: Names) throws(ConfigurationError) {
        guard isRequired else { return }
        throw ConfigurationError("MF_REQUIRE_TLS", "true", "\(names.certificate) and \(names.key) to be set")
    }

    private mutating func read(
        _ names: Names,
        _ certificate: String,
        _ key: String,
        _ authorities: String?,
        _ proxies: TrustedProxies?,
        _ revocation: RevocationSource?,
        applicationProtocols: [String] = []
    ) throws(ConfigurationError) -> ServerTLS {
        do throws(TLSFileError) {
            let tls = try ServerTLS(
                names.listener,
                certificate: certificate,
                key: key,
                clientAuthorities: authorities,
                proxies: proxies,
                revocation: revocation,
                applicationProtocols: applicationProtocols,
                minimumVersion: minimumVersion,
                handshakeTimeout: handshakeTimeout
            )
            files.add(tls)
            for warning in tls.warnings where !warnings.contains(warning) { warnings.append(warning) }
            return tls
        } catch {
            throw ConfigurationError(names[error.role], "\(error.path) \(error.problem)")
        }
    }
}

private struct Names {
    let certificate: String
    let key: String
    let clientAuthorities: String
    let proxyAuthorities: String
    let trustedProxies: String
    let revocationLists: String
    let revocationInterval: String

    /// As it is called in the log.
    let listener: String

    init(_ prefix: String) {
        listener = prefix.dropFirst(3).lowercased().replacing("_", with: "-")
        certificate = "\(prefix)_SERVER_CERT"
        key = "\(prefix)_SERVER_KEY"
        clientAuthorities = "\(prefix)_CLIENT_CA_CERTS"
        proxyAuthorities = "\(prefix)_PROXY_CA_CERTS"
        trustedProxies = "\(prefix)_TRUSTED_PROXIES"
        revocationLists = "\(prefix)_CLIENT_CRL"
        revocationInterval = "\(prefix)_CLIENT_CRL_INTERVAL"
    }

    subscript(role: TLSFileError.Role) -> String {
        switch role {
        case .certificate: certificate
        case .key: key
        case .clientAuthorities: clientAuthorities
        case .proxyAuthorities: proxyAuthorities
        case .revocationLists: revocationLists
        }
    }
}
