internal import FoundationEssentials

/// Where a service listens, as `http://127.0.0.1:8182`, possibly with a path before its own.
package struct ServiceAddress: Sendable, Equatable {
    package enum Scheme: String, Sendable, CaseIterable {
        case http, https, ws, wss, mqtt, mqtts

        var defaultPort: Int {
            switch self {
            case .http, .ws: 80
            case .https, .wss: 443
            case .mqtt: 1883
            case .mqtts: 8883
            }
        }

        /// Whether it is spoken over TLS.
        var isSecure: Bool { self == .https || self == .wss || self == .mqtts }
    }

    package let scheme: Scheme
    /// Without the brackets of an IPv6 address.
    package let host: String
    package let port: Int
    /// Percent-encoded, without a slash at its end.
    package let path: String

    /// Nil if the text is no such address: credentials, a query or a fragment have no place in it.
    package init?(_ text: String) {
        guard
            let parts = URLComponents(string: text, encodingInvalidCharacters: false),
            let scheme = parts.scheme.flatMap({ Scheme(rawValue: $0.lowercased()) }),
            let host = parts.encodedHost, !host.isEmpty, !host.contains("%"),
            parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil
        else { return nil }
        // A port that is no number of any size would otherwise pass for one that isn't there.
        let authority = text.dropFirst(scheme.rawValue.count + 3).prefix { $0 != "/" }
        guard parts.port != nil || authority == host else { return nil }
        let port = parts.port ?? scheme.defaultPort
        guard (1...65_535).contains(port) else { return nil }
        self.scheme = scheme
        self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        self.port = port
        self.path = String(parts.percentEncodedPath.trimmingSuffix { $0 == "/" })
    }

    /// The host as it stands in a URL and in the `Host` header.
    package var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
}

extension ServiceAddress: CustomStringConvertible {
    package var description: String { "\(scheme.rawValue)://\(authority)\(path)" }
}

extension StringProtocol {
    fileprivate func trimmingSuffix(while isDropped: (Character) -> Bool) -> SubSequence {
        var end = endIndex
        while end > startIndex, isDropped(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}
