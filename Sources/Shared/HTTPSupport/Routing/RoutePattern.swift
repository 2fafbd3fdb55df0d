/// The path of a route: `/things/:id/channels`.
struct RoutePattern: Hashable, CustomStringConvertible {
    enum Part: Hashable {
        case literal(String)
        case parameter(String)
    }

    let description: String
    let parts: [Part]

    init(_ path: String) {
        self.description = path
        self.parts = path.dropFirst().split(separator: "/").map { part in
            part.hasPrefix(":") ? .parameter(String(part.dropFirst())) : .literal(String(part))
        }
    }

    /// A literal is a better match than a parameter, the further left the more.
    func isMoreSpecific(than other: Self) -> Bool {
        for (mine, theirs) in zip(parts, other.parts) {
            switch (mine, theirs) {
            case (.literal, .parameter): return true
            case (.parameter, .literal): return false
            default: continue
            }
        }
        return false
    }

    /// The parameters' values if the path fits; they may be empty.
    func match(_ segments: [String]) -> [String: String]? {
        guard segments.count == parts.count else { return nil }
        var parameters: [String: String] = [:]
        for (part, segment) in zip(parts, segments) {
            switch part {
            case .literal(let text):
                guard segment == text else { return nil }
            case .parameter(let name):
                parameters[name] = segment
            }
        }
        return parameters
    }
}
