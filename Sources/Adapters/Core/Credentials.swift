package import Model

/// The key that a client shows on HTTP or in a WebSocket handshake.
package enum Credentials {
    /// The key in an `Authorization` header or query value; an empty one counts as left out.
    package static func shown(_ value: String?) -> ShownKey {
        guard let value, !value.isEmpty else { return .none }
        return ShownKey(key(header: value))
    }

    /// Reads an `Authorization` header: the raw key, `Thing <key>` or `Bearer <key>` (schemes in any letter case, RFC 9110
    /// section 11.1). Nil if it can't be a key at all.
    package static func key(header: String) -> ThingKey? {
        let value = header.utf8
        for scheme in ["thing ", "bearer "] where value.count > scheme.utf8.count {
            let start = value.prefix(scheme.utf8.count)
            if start.elementsEqual(scheme.utf8, by: { $0 | 0x20 == $1 | 0x20 }) {
                return ThingKey(String(header.dropFirst(scheme.utf8.count).drop { $0 == " " }))
            }
        }
        return ThingKey(header)
    }
}
