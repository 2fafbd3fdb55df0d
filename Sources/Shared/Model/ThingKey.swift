/// What a thing proves itself with: 8 to 256 printable ASCII characters without blanks (0x21–0x7E).
package struct ThingKey: Sendable, Hashable {
    package static let lengths = 8...256

    package let secret: Secret

    /// Nil if the text isn't such a key.
    package init?(_ text: String) {
        guard Self.lengths.contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return nil
        }
        self.secret = Secret(text)
    }

    /// The key that a random id makes, in its canonical form.
    package init(_ id: UniqueID) {
        self.secret = Secret(id.description)
    }

    /// A new key: a random UUID version 4.
    package static func random() -> Self { Self(UniqueID.random()) }
}

extension ThingKey: CustomStringConvertible {
    package var description: String { secret.description }
}
