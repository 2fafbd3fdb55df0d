package import Model

/// The mode for conformance suites: any topic for anybody, on an identity of its own.
package struct OpenTopics: Sendable {
    /// Whom every client counts as.
    package let key: ThingKey
    /// Filters that are refused all the same.
    package let denied: Set<String>

    package init(key: ThingKey, denied: Set<String>) {
        self.key = key
        self.denied = denied
    }
}
