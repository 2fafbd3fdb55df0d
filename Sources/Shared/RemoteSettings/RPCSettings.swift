package import Bootstrap
package import RPCSupport

/// How a program reaches a service over gRPC.
package struct RPCSettings: Sendable {
    package let target: RPCTarget
    package let trust: RPCClient.Trust
    /// Nil: it shows no certificate.
    package let pair: RPCClient.Pair?
    package let timeout: Duration

    /// Where it is, for people.
    package var summary: String { "\(target)\(trust == .plain ? "" : " (TLS)")" }

    /// - Parameters:
    ///   - service: whom it asks: `THINGS` or `USERS`, reached at `MF_<service>_URL`.
    ///   - prefix: who asks: `MF_HTTP_ADAPTER`, trusting `<prefix>_CA_CERTS`, waiting `<prefix>_<service>_TIMEOUT`.
    package init(
        _ variables: Variables,
        service: String,
        port: Int,
        prefix: String
    ) throws(ConfigurationError) {
        let name = "MF_\(service)_URL"
        let text = variables.string(name, default: "localhost:\(port)")
        guard let target = RPCTarget(text) else { throw ConfigurationError(name, text, "host:port") }
        self.target = target
        trust = try RPCClient.Trust(variables, prefix: prefix)
        pair = try variables.clientPair(prefix).map { RPCClient.Pair(certificate: $0.certificate, key: $0.key) }
        if pair != nil, trust == .plain {
            throw ConfigurationError("\(prefix)_CA_CERTS", "is missing beside \(prefix)_CLIENT_CERT")
        }
        timeout = try variables.duration(
            "\(prefix)_\(service)_TIMEOUT",
            default: "1s",
            in: .milliseconds(10)...(.seconds(3_600)),
            countsSeconds: true
        )
    }
}

extension RPCClient.Trust {
    /// A file of authorities alone turns TLS on; `<prefix>_CLIENT_TLS=true` without one trusts the system's (contract section
    /// 12). Throws if the file can't be used, or if it stands beside `false`.
    init(_ variables: Variables, prefix: String) throws(ConfigurationError) {
        let (files, flag) = ("\(prefix)_CA_CERTS", "\(prefix)_CLIENT_TLS")
        let path = try variables.certificates(files)
        let isSecure = try variables.bool(flag, default: path != nil, described: "true beside \(files)")
        switch (path, isSecure) {
        case (let path?, true): self = .authorities(path)
        case (nil, true): self = .authorities(nil)
        case (nil, false): self = .plain
        case (_?, false): throw ConfigurationError(flag, "false", "true beside \(files)")
        }
    }
}
