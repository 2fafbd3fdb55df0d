internal import HTTPSupport
internal import HTTPTypes
internal import ThingsCore

/// Creation of many at once.
enum Bulk {
    static let maximumCount = 10_000
    static let bodyLimit = 16 << 20

    /// The items of the request's body.
    ///
    /// A body that may be larger than usual is read for someone we know only; elsewhere the token is looked at last.
    static func items(of request: RESTRequest, for service: ThingsService) async throws -> [JSONFields] {
        let length = request.headers[.contentLength].flatMap { Int($0) }
        if length.map({ $0 > RouteTable.defaultBodyLimit }) ?? true {
            _ = try await service.tenant(holding: request.requiredToken())
        }
        let items = try await request.jsonList()
        guard !items.isEmpty else { throw ThingsError.malformed("the array is empty") }
        guard items.count <= maximumCount else { throw ThingsError.malformed("more than \(maximumCount) at once") }
        return items
    }
}
