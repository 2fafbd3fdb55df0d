package import Model

/// The key that a client shows on HTTP or in a WebSocket handshake.
package enum Credentials {
    /// Reads an `Authorization` header: the raw key, `Thing <key>` or `Bearer <key>` (schemes in any letter case, RFC 9110
    /// section 11.1). Nil if it can't be a key at all.
    package static func key(header: String) -> ThingKey? {
        let value = header.utf8
        for scheme in ["thing ", "bearer "] where value.count > scheme.utf8.count {
            let start = value.prefix(scheme.utf8.count)
            if start.elementsEqual(scheme.utf8, by: { $0 | 0x20 == $1 | 0x20 }) {
                return ThingKey(Substring(value.dropFirst(scheme.utf8.count).drop { $0 == UInt8(ascii: " ") }))
            }
        }
        return ThingKey(header)
    }
}
