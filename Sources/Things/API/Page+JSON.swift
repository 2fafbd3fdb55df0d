internal import HTTPSupport
internal import Hummingbird
internal import Model
internal import ThingsCore

extension Page {
    /// The page object of contract 2.4.
    func response(named name: String, _ members: (Item) -> JSONMembers) -> Response {
        let head: JSONMembers = [
            "total": .integer(Int64(total)), "offset": .integer(Int64(request.offset)),
            "limit": .integer(Int64(request.limit)),
        ]
        return .json(.ok, head, listing: name, items.map(members))
    }
}
