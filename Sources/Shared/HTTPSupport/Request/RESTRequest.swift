package import HTTPTypes
package import Hummingbird
package import Logging
package import Model
internal import NIOCore

/// A request that has found its route.
package struct RESTRequest: Sendable {
    package let request: Request
    package let context: RESTContext
    /// Largest body that this route takes.
    package let bodyLimit: Int
    /// Who the request comes from, as far as limits care.
    package let client: ClientAddress
    private let parameters: [String: String]
    private let queryText: String

    init(
        _ request: Request,
        context: RESTContext,
        client: ClientAddress,
        parameters: [String: String],
        query: String,
        bodyLimit: Int
    ) {
        self.request = request
        self.context = context
        self.client = client
        self.parameters = parameters
        self.queryText = query
        self.bodyLimit = bodyLimit
    }

    package var headers: HTTPFields { request.headers }
    package var logger: Logger { context.logger }

    /// The decoded path segment that stands for `:name` in the route; never empty if the route names it.
    package func parameter(_ name: String) -> String {
        parameters[name] ?? ""
    }

    package func query() throws(Problem) -> QueryParameters {
        try QueryParameters(queryText)
    }

    /// What `Authorization` holds: the raw token, or what follows `Bearer`; nil if there is none.
    package func token() throws(Problem) -> Secret? {
        let values = headers[values: .authorization]
        guard values.count <= 1 else {
            throw Problem(.badRequest, "malformed header", detail: "there is more than one Authorization header")
        }
        guard let value = values.first else { return nil }
        let scheme = "bearer "
        let token = value.prefix(scheme.count).lowercased() == scheme ? value.dropFirst(scheme.count) : value[...]
        let trimmed = token.drop { $0 == " " }
        return trimmed.isEmpty ? nil : Secret(String(trimmed))
    }
}

// MARK: JSON bodies

extension RESTRequest {
    /// A body that holds one JSON object; `null` is an empty one.
    package func jsonFields(requiringContentType: Bool = true) async throws -> JSONFields {
        try JSONFields(try await json(requiringContentType: requiringContentType))
    }

    /// A body that holds an array of JSON objects.
    package func jsonList() async throws -> [JSONFields] {
        guard case .array(let elements) = try await json() else { throw Problem.malformed("an array is expected") }
        return try elements.map { try JSONFields($0) }
    }

    /// A body that holds one JSON value and nothing after it.
    ///
    /// JSON it is if the header *contains* `application/json`, in this spelling (contract 0.1).
    package func json(requiringContentType: Bool = true) async throws -> JSONValue {
        if requiringContentType {
            guard headers[.contentType]?.contains("application/json") ?? false else {
                throw Problem.unsupportedContentType
            }
        }
        let bytes = try await body()
        do {
            return try JSONParser.parse(bytes)
        } catch {
            throw Problem.malformed(error.description)
        }
    }

    private func body() async throws -> [UInt8] {
        do {
            let buffer = try await request.body.collect(upTo: bodyLimit)
            return Array(buffer.readableBytesView)
        } catch is NIOTooManyBytesError {
            throw Problem.tooLarge(limit: bodyLimit)
        }
    }
}
