package import NIOCore

/// Who a request comes from, as far as limits care: an IPv4 address, or the /64 network of an IPv6 address, because one
/// subscriber gets at least that many.
package struct ClientAddress: Hashable, Sendable, CustomStringConvertible {
    package let description: String

    /// Who can't be told apart, such as the peers of a Unix socket.
    package static let unknown = Self(description: "unknown")

    package init(_ address: SocketAddress?) {
        guard let text = address?.ipAddress else {
            self = .unknown
            return
        }
        self.init(ipAddress: text)
    }

    /// - Parameter text: an address as `inet_ntop` writes it.
    package init(ipAddress text: String) {
        if text.hasPrefix("::ffff:"), text.contains(".") {
            self.init(description: String(text.dropFirst("::ffff:".count)))
        } else if text.contains(":") {
            self.init(description: Self.network(of: text))
        } else {
            self.init(description: text)
        }
    }

    package init(_ address: IPAddress) {
        self.init(ipAddress: address.description)
    }

    private init(description: String) {
        self.description = description
    }

    /// The first four groups, with those that `::` stands for written out.
    private static func network(of address: String) -> String {
        let groups = address.prefix { $0 != "%" }.split(separator: ":", omittingEmptySubsequences: false)
        guard let gap = groups.firstIndex(of: "") else { return groups.prefix(4).joined(separator: ":") + "::/64" }
        let head = groups[..<gap]
        let tail = groups[gap...].filter { !$0.isEmpty }
        let zeros = Array(repeating: Substring("0"), count: max(0, 8 - head.count - tail.count))
        return (head + zeros + tail).prefix(4).joined(separator: ":") + "::/64"
    }
}
