/// Which part of a list is asked for; whatever it is made of, its limit is one of ``limits``.
package struct PageRequest: Sendable, Equatable {
    package static let limits = 1...100
    package static let defaultLimit = 10

    package let offset: Int
    package let limit: Int

    package init(offset: Int = 0, limit: Int = defaultLimit) {
        self.offset = max(0, offset)
        self.limit = min(max(limit, Self.limits.lowerBound), Self.limits.upperBound)
    }
}
