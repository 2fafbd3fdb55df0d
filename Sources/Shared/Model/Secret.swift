/// A text that must not be seen: it prints as `‹redacted›` and compares in constant time.
package struct Secret: Sendable {
    private let text: String

    package init(_ text: String) {
        self.text = text
    }

    /// The text itself, for the one place that has to use it. Never log it.
    package var revealed: String { text }
}

extension Secret: Hashable {
    package static func == (left: Self, right: Self) -> Bool {
        constantTimeEquals(left.text.utf8, right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(text)
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "‹redacted›" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Whether two secrets are the same bytes; the time taken tells their lengths, and nothing else.
@inlinable
package func constantTimeEquals(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for (one, other) in zip(left, right) { difference |= one ^ other }
    return difference == 0
}
