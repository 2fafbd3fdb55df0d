/// The identifier of one kind of thing: a channel's id can't be passed where a thing's is asked for.
package struct TypedID<Subject>: Hashable, Sendable {
    package let value: UniqueID

    @inlinable
    package init(_ value: UniqueID) {
        self.value = value
    }

    /// Reads the 36-character form in any letter case; nil if it is none.
    @inlinable
    package init?(_ text: some StringProtocol) {
        guard let value = UniqueID(text) else { return nil }
        self.value = value
    }

    package static func random() -> Self { Self(.random()) }
}

extension TypedID: Comparable {
    package static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

extension TypedID: CustomStringConvertible {
    package var description: String { value.description }
}
