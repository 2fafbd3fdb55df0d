package import Model

/// A thing that doesn't exist yet; without a key it will get a random one.
package struct ThingDraft: Sendable, Equatable {
    package let details: Details
    package let key: ThingKey?

    package init(details: Details, key: ThingKey? = nil) {
        self.details = details
        self.key = key
    }
}

/// What is changed of a thing.
package enum ThingChange: Sendable, Equatable {
    /// Name and metadata, both replaced.
    case details(Details)
    case key(ThingKey)
}
