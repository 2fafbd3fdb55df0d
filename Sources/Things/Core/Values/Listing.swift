package import Model

/// Part of a list, in the order of ids.
package struct Page<Item: Sendable>: Sendable {
    /// How many there are in the whole list.
    package let total: Int
    package let request: PageRequest
    package let items: [Item]

    package init(total: Int, request: PageRequest, items: [Item]) {
        self.total = total
        self.request = request
        self.items = items
    }
}

extension Page: Equatable where Item: Equatable {}

/// What the listed ones have in common.
package struct ListFilter: Sendable, Equatable {
    /// Part of the name, in any letter case; empty: any name.
    package let name: String
    /// What the metadata must contain, in the sense of ``JSONValue/contains(_:)``; empty: anything.
    package let metadata: JSONObject

    package static let everything = Self()

    private init() {
        self.name = ""
        self.metadata = [:]
    }

    /// The same rules as for what is stored: ``Details/init(name:metadata:)``.
    package init(name: String, metadata: JSONObject) throws(ThingsError) {
        let details = try Details(name: name, metadata: metadata)
        self.name = details.name
        self.metadata = details.metadata
    }
}

/// Which things or channels of a tenant are listed.
package enum Selection<Peer: Sendable>: Sendable {
    case matching(ListFilter)
    case connected(to: TypedID<Peer>)
}
