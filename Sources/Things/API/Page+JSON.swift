internal import HTTPSupport
internal import HTTPTypes
internal import Hummingbird
internal import Model
internal import ThingsCore

extension Page {
    /// The page object of contract 2.4.
    func response(named name: String, _ item: (Item) -> JSONValue) -> Response {
        .json(
            .ok,
            [
                "total": .integer(Int64(total)), "offset": .integer(Int64(request.offset)),
                "limit": .integer(Int64(request.limit)), name: .array(items.map(item)),
            ]
        )
    }
}

extension JSONValue {
    /// An object of those members that have a value.
    static func object(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
        var object: JSONObject = [:]
        for case (let name, let value?) in members { object[name] = value }
        return .object(object)
    }
}
