/// The state of one row: another number after every change, never the same again for the same row.
package typealias Revision = Int64

/// A thing or channel, and the revision that it was seen in.
package struct Versioned<Value: Sendable>: Sendable {
    package let value: Value
    package let revision: Revision

    package init(_ value: Value, revision: Revision) {
        self.value = value
        self.revision = revision
    }
}

extension Versioned: Equatable where Value: Equatable {}

/// The state that something must be in to be changed (RFC 9110 section 13.1.1).
package enum Precondition: Sendable, Equatable {
    case none
    /// It exists, in any state.
    case exists
    case isOneOf(Set<Revision>)

    /// Whether the row may be changed; nil is a row that doesn't exist.
    package func allows(_ revision: Revision?) -> Bool {
        switch self {
        case .none: true
        case .exists: revision != nil
        case .isOneOf(let revisions): revision.map(revisions.contains) ?? false
        }
    }
}
