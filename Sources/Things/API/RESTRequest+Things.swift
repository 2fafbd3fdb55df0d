internal import HTTPSupport
internal import HTTPTypes
internal import Model
internal import ThingsCore

/// What the management routes read alike. Their order of checks is the contract's (2.3): content type, JSON, token there,
/// fields, token good, database.
extension RESTRequest {
    func requiredToken() throws -> Secret {
        guard let token = try token() else { throw ThingsError.unauthenticated }
        return token
    }

    /// An id in the path of a route that changes something.
    func id<Subject>(_ name: String, of subject: Subject.Type) throws -> TypedID<Subject> {
        guard let id = TypedID<Subject>(parameter(name)) else { throw ThingsError.malformed("the path holds no UUID") }
        return id
    }

    /// An id in the path of a route that shows something: what is no UUID names nothing.
    func shownID<Subject>(_ name: String, of subject: Subject.Type) throws -> TypedID<Subject> {
        guard let id = TypedID<Subject>(parameter(name)) else { throw ThingsError.notFound }
        return id
    }

    /// `If-Match` (RFC 9110 section 13.1.1): tags that aren't ours match nothing.
    func precondition() -> Precondition {
        let values = headers[values: .ifMatch]
        guard !values.isEmpty else { return .none }
        let tags = values.flatMap { $0.split(separator: ",") }.map { $0.trimming(while: { $0 == " " || $0 == "\t" }) }
        return tags.contains("*") ? .exists : .isOneOf(Set(tags.compactMap(Revision.init(entityTag:))))
    }

    func filter() throws -> ListFilter {
        let query = try query()
        return try ListFilter(name: query.string("name") ?? "", metadata: query.object("metadata") ?? [:])
    }
}

extension Revision {
    init?(entityTag: Substring) {
        guard entityTag.count > 2, entityTag.hasPrefix("\""), entityTag.hasSuffix("\"") else { return nil }
        guard let revision = Int64(entityTag.dropFirst().dropLast()), revision > 0 else { return nil }
        self = revision
    }

    /// As in the `ETag` header.
    var entityTag: String { "\"\(self)\"" }
}

extension Substring {
    fileprivate func trimming(while isBlank: (Character) -> Bool) -> Substring {
        var text = drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}

extension HTTPFields {
    /// The header of routes that have a better one for many at once (contract 2.2).
    static func deprecated(_ sentence: String) -> HTTPFields {
        guard let name = HTTPField.Name("Warning-Deprecated") else { return [:] }
        return [name: sentence]
    }
}

extension JSONFields {
    func details() throws -> Details {
        try Details(name: string("name") ?? "", metadata: object("metadata") ?? [:])
    }
}
