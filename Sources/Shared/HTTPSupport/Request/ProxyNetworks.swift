package import HTTPTypes
package import NIOCore

/// Where the proxies are whose word counts for where a request comes from.
package struct ProxyNetworks: Sendable, Equatable {
    /// Nobody's.
    package static let none = Self([])

    /// Most entries of `X-Forwarded-For` that are looked at.
    static let longestWay = 16

    private static let forwardedFor = HTTPField.Name("X-Forwarded-For")

    private let networks: [IPNetwork]

    package init(_ networks: [IPNetwork]) {
        self.networks = networks
    }

    /// The client of a request. `X-Forwarded-For` is walked from its end, which the last proxy wrote, for as long as the
    /// one who wrote an entry is trusted: the first that isn't is the client. What stands before it anybody may have
    /// written.
    ///
    /// - Parameter remote: the other end of the connection.
    package func client(behind remote: SocketAddress?, _ headers: HTTPFields) -> ClientAddress {
        guard !networks.isEmpty, let text = remote?.ipAddress, let address = IPAddress(text), isTrusted(address) else {
            return ClientAddress(remote)
        }
        var nearest = address
        let values = Self.forwardedFor.map { headers[values: $0] } ?? []
        let way = values.reversed().lazy.flatMap { $0.split(separator: ",").reversed() }
        for entry in way.prefix(Self.longestWay) {
            // What can't be read was written by one who is trusted: nearer than that the client can't be told.
            guard let hop = IPAddress(hop: entry) else { break }
            nearest = hop
            guard isTrusted(hop) else { break }
        }
        return ClientAddress(nearest)
    }

    private func isTrusted(_ address: IPAddress) -> Bool {
        networks.contains { $0.contains(address) }
    }
}

extension IPAddress {
    /// An entry as proxies write it: the address, in brackets if it is followed by a port and is one of IPv6.
    fileprivate init?(hop entry: Substring) {
        let blank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var text = entry.drop(while: blank)
        while let last = text.last, blank(last) { text.removeLast() }
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            self.init(text[..<end].dropFirst())
        } else if text.contains("."), let colon = text.firstIndex(of: ":"), !text[colon...].dropFirst().contains(":") {
            self.init(text[..<colon])
        } else {
            self.init(text)
        }
    }
}
