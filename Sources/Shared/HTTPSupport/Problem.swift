package import HTTPTypes
package import Hummingbird
internal import Model

/// A refusal, and how it looks on the wire: `{"error":…}` for the contract's clients, beside the fields of RFC 9457.
package struct Problem: Error, Equatable {
    package let status: HTTPResponse.Status
    /// What the contract calls the error text; clients go by the status.
    package let error: String
    /// What exactly is wrong with this request.
    package let detail: String
    package var headers: HTTPFields

    package init(_ status: HTTPResponse.Status, _ error: String, detail: String? = nil, headers: HTTPFields = [:]) {
        self.status = status
        self.error = error
        self.detail = detail ?? error
        self.headers = headers
    }

    /// The body, with the newline that ends every JSON answer.
    package var body: [UInt8] {
        Response.body([
            "error": .string(error), "type": .string("about:blank"), "title": .string(status.reasonPhrase),
            "status": .integer(Int64(status.code)), "detail": .string(detail),
        ])
    }

    package var response: Response { .json(status, body: body, headers: headers) }
}

extension Problem: HTTPResponseError {
    package func response(from request: Request, context: some RequestContext) throws -> Response { response }
}

/// An error of a service's core that knows its place on the wire; one file per service maps them.
package protocol ProblemConvertible: Error {
    var problem: Problem { get }
}

extension Problem {
    package static func malformed(_ detail: String) -> Self {
        Self(.badRequest, "malformed entity specification", detail: detail)
    }

    package static func malformedQuery(_ detail: String) -> Self {
        Self(.badRequest, "malformed query", detail: detail)
    }

    package static let unsupportedContentType = Self(
        .unsupportedMediaType,
        "unsupported content type",
        detail: "the content type must be application/json"
    )

    package static func tooLarge(limit: Int) -> Self {
        Self(.contentTooLarge, "request body too large", detail: "the body may have at most \(limit) bytes")
    }

    package static let notFound = Self(.notFound, "not found", detail: "there is no such route")

    package static func methodNotAllowed(allowed: [HTTPRequest.Method]) -> Self {
        let names = allowed.map(\.rawValue).joined(separator: ", ")
        return Self(
            .methodNotAllowed,
            "method not allowed",
            detail: "this path takes \(names)",
            headers: [.allow: names]
        )
    }

    package static let internalError = Self(.internalServerError, "internal server error")

    /// What is needed is out of reach: the same request may succeed later.
    package static func unavailable(retryAfter seconds: Int = 1) -> Self {
        Self(.serviceUnavailable, "service unavailable", headers: [.retryAfter: String(seconds)])
    }

    package static func tooManyRequests(retryAfter seconds: Int) -> Self {
        Self(
            .tooManyRequests,
            "too many attempts",
            detail: "try again in \(seconds) s",
            headers: [.retryAfter: String(seconds)]
        )
    }
}
