internal import Model

/// The two values that browsers, which can't set headers, give in the query of the handshake.
package struct HandshakeQuery {
    /// In their order; without a certificate the first counts, beside one all must be its key.
    package private(set) var authorizations: [String] = []
    package private(set) var contentType: String?

    /// Nil if a value can't be decoded. Of a repeated content type the first counts.
    package init?(target: String) {
        guard let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) else { return }
        for pair in target.utf8[mark...].dropFirst().split(separator: UInt8(ascii: "&")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = try? PercentDecoding.decode(Substring(parts[0])).get(),
                let value = try? PercentDecoding.decode(parts.count == 2 ? Substring(parts[1]) : "").get()
            else { return nil }
            if name == "authorization" { authorizations.append(value) }
            if name == "content-type" { contentType = contentType ?? value }
        }
    }
}
