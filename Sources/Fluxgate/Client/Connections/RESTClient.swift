internal import AsyncHTTPClient
internal import FoundationEssentials
package import Model
package import NIOCore
internal import NIOHTTP1

/// Posts to Fluxgate's HTTP services and turns refusals into failures.
package struct RESTClient: Sendable {
    package static let maximumAnswer = 16 * 1_048_576

    private let http: HTTPClient
    private let timeout: TimeAmount

    private init(_ http: HTTPClient, timeout: TimeAmount) {
        self.http = http
        self.timeout = timeout
    }

    /// Runs the body with a client, and closes its connections afterwards.
    package static func run<Value>(
        timeout: Duration,
        tls: ClientTLS = .standard,
        _ body: (RESTClient) async throws -> Value
    ) async throws -> Value {
        // A redirect could carry the token to somebody else, and a refused connection is told at once.
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.tlsConfiguration = tls.configuration
        configuration.timeout.connect = .seconds(5)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        return try await HTTPClient.withHTTPClient(configuration: configuration) { http in
            try await body(RESTClient(http, timeout: TimeAmount(timeout)))
        }
    }

    /// Posts a body and gives back that of the answer.
    ///
    /// - Parameter action: what is being done, for the sentence that says that it failed.
    /// - Throws: ``ClientFailure``, or `CancellationError`.
    package func post(
        _ path: String,
        at address: ServiceAddress,
        _ body: ByteBuffer,
        contentType: String? = "application/json",
        authorization: Secret? = nil,
        action: String
    ) async throws -> ByteBuffer {
        var request = HTTPClientRequest(url: "\(address)\(path)")
        request.method = .POST
        if let contentType { request.headers.add(name: "Content-Type", value: contentType) }
        if let authorization { request.headers.add(name: "Authorization", value: authorization.revealed) }
        request.body = .bytes(body)
        do {
            let response = try await http.execute(request, timeout: timeout)
            let answer = try await response.body.collect(upTo: Self.maximumAnswer)
            let status = Int(response.status.code)
            guard (200...299).contains(status) else {
                throw ClientFailure(action, httpStatus: status, detail: Refusal.detail(of: answer))
            }
            return answer
        } catch {
            try Task.checkCancellation()
            throw ClientFailure(action, at: address, error)
        }
    }
}

/// What a refusal's body says (RFC 9457).
enum Refusal {
    private struct Problem: Decodable {
        let error: String?
        let detail: String?
    }

    /// Nil if the body is none of ours.
    static func detail(of body: ByteBuffer) -> String? {
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(body.readableBytesView))
        return (problem?.detail ?? problem?.error).map { String($0.prefix(500)) }
    }
}
