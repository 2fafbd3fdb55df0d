import HTTPSupport
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Model
import NIOCore
import Testing
import UsersAPI
import UsersCore
import UsersSecurity

/// The routes and status table of contract 1.1 and 1.2, with the decisions of section 12.
@Suite struct UsersAPITests {
    struct Call: Sendable, CustomTestStringConvertible {
        var method: HTTPRequest.Method
        var path: String
        /// Nil sends none; `$TOKEN` stands for a good token.
        var token: String?
        var contentType: String? = "application/json"
        var body: String?
        var status: Int
        var error: String?

        init(
            _ method: HTTPRequest.Method,
            _ path: String,
            token: String? = nil,
            type: String? = "application/json",
            _ body: String?,
            _ status: Int,
            _ error: String? = nil
        ) {
            (self.method, self.path, self.token, self.contentType) = (method, path, token, type)
            (self.body, self.status, self.error) = (body, status, error)
        }

        var testDescription: String { "\(method) \(path) \(token ?? "–") \(body?.prefix(80) ?? "–") → \(status)" }
    }

    private static let malformed = "malformed entity specification"
    private static let credentials = "missing or invalid credentials provided"
    private static let contentType = "unsupported content type"

    /// Bodies that are wrong on every route that takes JSON.
    private static let brokenBodies = [
        "", "{", "[]", "1", #""text""#, "{}{}", #"{"email":1}"#.replacing("email", with: "metadata"),
        "{\"a\":\"\\u0000\"}",
        String(repeating: "[", count: 10_000),
    ]

    static let registration: [Call] =
        [
            Call(.post, "/users", #"{"email":"new@example.com","password":"12345678"}"#, 201),
            Call(.post, "/users", #"{"EMail":"new@example.com","PASSWORD":"12345678","metadata":{"a":1}}"#, 201),
            Call(.post, "/users", #"{"email":"new@example.com","password":"12345678","metadata":null,"x":[]}"#, 201),
            Call(
                .post,
                "/users",
                type: "application/json; charset=utf-8",
                #"{"email":"new@example.com","password":"12345678"}"#,
                201
            ),
            Call(.post, "/users", #"{"email":"jane@example.com","password":"12345678"}"#, 409),
            Call(.post, "/users", #"{"email":"JANE@example.com","password":"12345678"}"#, 201),
            Call(.post, "/users", #"{"email":"new@example.com","password":"1234567"}"#, 400, malformed),
            Call(.post, "/users", #"{"email":"new@example.com","password":" "}"#, 400, malformed),
            Call(.post, "/users", #"{"email":"new@example.com","password":""}"#, 400, malformed),
            Call(.post, "/users", #"{"email":"new@example.com"}"#, 400, malformed),
            Call(.post, "/users", #"{"email":"new@localhost","password":"12345678"}"#, 400, malformed),
            Call(.post, "/users", #"{"email":"","password":"12345678"}"#, 400, malformed),
            Call(.post, "/users", #"{"email":7,"password":"12345678"}"#, 400, malformed),
            Call(.post, "/users", #"{"password":"12345678"}"#, 400, malformed),
            Call(.post, "/users", #"{"email":"new@example.com","password":"12345678","metadata":[]}"#, 400, malformed),
            Call(.post, "/users", "null", 400, malformed),
            Call(.post, "/users", type: nil, "{", 415, contentType),
            Call(.post, "/users", type: "text/plain", #"{"email":"new@example.com","password":"12345678"}"#, 415),
        ] + brokenBodies.map { Call(.post, "/users", $0, 400, malformed) }

    static let logIn: [Call] =
        [
            Call(.post, "/tokens", #"{"email":"jane@example.com","password":"correct horse"}"#, 201),
            Call(.post, "/tokens", #"{"email":"jane@example.com","password":"wrong horse"}"#, 403, credentials),
            Call(.post, "/tokens", #"{"email":"jane@example.com","password":"x"}"#, 403, credentials),
            Call(.post, "/tokens", #"{"email":"Jane@example.com","password":"correct horse"}"#, 403, credentials),
            Call(.post, "/tokens", #"{"email":"nobody@example.com","password":"correct horse"}"#, 403, credentials),
            Call(
                .post,
                "/tokens",
                #"{"email":"jane@example.com","password":"\#(String(repeating: "x", count: 1025))"}"#,
                403,
                credentials
            ),
            Call(.post, "/tokens", #"{"email":"jane","password":"correct horse"}"#, 400, malformed),
            Call(.post, "/tokens", #"{"email":"jane@example.com","password":""}"#, 400, malformed),
            Call(.post, "/tokens", #"{"email":"jane@example.com"}"#, 400, malformed),
            Call(.post, "/tokens", "null", 400, malformed),
            Call(.post, "/tokens", type: nil, #"{"email":"jane@example.com","password":"correct horse"}"#, 415),
        ] + brokenBodies.map { Call(.post, "/tokens", $0, 400, malformed) }

    static let account: [Call] =
        [
            Call(.get, "/users", token: "$TOKEN", nil, 200), Call(.get, "/users", token: "Bearer $TOKEN", nil, 200),
            Call(.head, "/users", token: "$TOKEN", nil, 200), Call(.get, "/users", nil, 403, credentials),
            Call(.get, "/users", token: "", nil, 403, credentials),
            Call(.get, "/users", token: "Bearer ", nil, 403, credentials),
            Call(.get, "/users", token: "Basic $TOKEN", nil, 403, credentials),
            Call(.get, "/users", token: "$TOKEN!", nil, 403, credentials),
            Call(.get, "/users", token: "a.b.c", nil, 403, credentials),
            Call(.get, "/users", token: String(repeating: "x", count: 10_000), nil, 403, credentials),
            Call(.put, "/users", token: "$TOKEN", #"{"metadata":{"a":1}}"#, 200),
            Call(.put, "/users", token: "$TOKEN", type: nil, #"{"metadata":{"a":1}}"#, 200),
            Call(.put, "/users", token: "$TOKEN", "{}", 200), Call(.put, "/users", token: "$TOKEN", "null", 200),
            Call(.put, "/users", token: "$TOKEN", #"{"metadata":"text"}"#, 400, malformed),
            Call(.put, "/users", #"{"metadata":{}}"#, 403, credentials),
            Call(.put, "/users", token: "wrong", #"{"metadata":{}}"#, 403, credentials),
            Call(.delete, "/users", token: "$TOKEN", nil, 204), Call(.delete, "/users", nil, 403, credentials),
            Call(.delete, "/users", token: "wrong", nil, 403, credentials),
            Call(.get, "/version", nil, 200), Call(.get, "/users/", token: "$TOKEN", nil, 308),
            Call(.get, "/users/someone", token: "$TOKEN", nil, 404), Call(.get, "/tokens", nil, 405),
            Call(.patch, "/users", "{}", 405), Call(.post, "/password/reset-request", "{}", 404),
        ] + brokenBodies.map { Call(.put, "/users", $0, 400, malformed) }

    static let passwordChange: [Call] =
        [
            Call(
                .patch,
                "/password",
                token: "$TOKEN",
                #"{"password":"battery staple","old_password":"correct horse","token":"ignored"}"#,
                201
            ),
            Call(
                .patch,
                "/password",
                #"{"password":"battery staple","old_password":"correct horse"}"#,
                403,
                credentials
            ),
            Call(.patch, "/password", #"{"old_password":"correct horse"}"#, 403, credentials),
            Call(
                .patch,
                "/password",
                token: "wrong",
                #"{"password":"battery staple","old_password":"correct horse"}"#,
                403,
                credentials
            ),
            Call(.patch, "/password", token: "$TOKEN", #"{"old_password":"correct horse"}"#, 400, malformed),
            Call(
                .patch,
                "/password",
                token: "$TOKEN",
                #"{"password":"short","old_password":"correct horse"}"#,
                400,
                malformed
            ),
            Call(.patch, "/password", token: "$TOKEN", #"{"password":"battery staple"}"#, 403, credentials),
            Call(
                .patch,
                "/password",
                token: "$TOKEN",
                #"{"password":"battery staple","old_password":"wrong horse"}"#,
                403,
                credentials
            ),
            Call(
                .patch,
                "/password",
                token: "$TOKEN",
                type: nil,
                #"{"password":"battery staple","old_password":"correct horse"}"#,
                415,
                contentType
            ),
        ]
        + ["", "{", "[]", #"{"password":1}"#].map { Call(.patch, "/password", token: "$TOKEN", $0, 400, malformed) }

    @Test(arguments: registration + logIn + account + passwordChange)
    func answersAsTheContractSays(_ call: Call) async throws {
        let world = await UsersWorld(tokens: JWTIssuer(secret: Secret("a secret")))
        let token = try await world.token().revealed

        try await withClient(world) { client in
            var headers = HTTPFields()
            headers[.authorization] = call.token?.replacing("$TOKEN", with: token)
            headers[.contentType] = call.contentType
            try await client.execute(
                uri: call.path,
                method: call.method,
                headers: headers,
                body: call.body.map { ByteBuffer(string: $0) }
            ) { response in
                #expect(response.status.code == call.status)
                #expect(response.headers[.contentType] == "application/json")
                guard call.status >= 400 else { return }
                let fields = try JSONFields(JSONValue(parsing: String(buffer: response.body)))
                #expect(try fields.string("error")?.isEmpty == false)
                if let error = call.error { #expect(try fields.string("error") == error) }
                #expect(fields["status"] == .integer(Int64(call.status)))
            }
        }
    }

    @Test func answersTheBodiesOfTheContract() async throws {
        let world = UsersWorld()
        let token = try await world.token().revealed
        let json: HTTPFields = [.contentType: "application/json", .authorization: token]

        try await withClient(world) { client in
            try await client.execute(uri: "/users", method: .get, headers: json) { response in
                #expect(String(buffer: response.body) == "{\"email\":\"jane@example.com\"}\n")
                #expect(response.headers[.cacheControl] == "no-store")
            }
            let metadata = ByteBuffer(string: #"{"metadata":{"b":[1,2.5],"a":{"c":null}}}"#)
            try await client.execute(uri: "/users", method: .put, headers: json, body: metadata) { response in
                #expect(response.body.readableBytes == 0)
            }
            try await client.execute(uri: "/users", method: .get, headers: json) { response in
                let body = "{\"email\":\"jane@example.com\",\"metadata\":{\"a\":{\"c\":null},\"b\":[1,2.5]}}\n"
                #expect(String(buffer: response.body) == body)
            }
            try await client.execute(uri: "/users", method: .put, headers: json, body: ByteBuffer(string: "{}")) { _ in
            }
            try await client.execute(uri: "/users", method: .get, headers: json) { response in
                #expect(String(buffer: response.body) == "{\"email\":\"jane@example.com\"}\n")
            }
            let logIn = ByteBuffer(string: #"{"email":"jane@example.com","password":"correct horse"}"#)
            try await client.execute(uri: "/tokens", method: .post, headers: json, body: logIn) { response in
                #expect(String(buffer: response.body) == "{\"token\":\"token-1\"}\n")
            }
            let change = ByteBuffer(string: #"{"password":"battery staple","old_password":"correct horse"}"#)
            try await client.execute(uri: "/password", method: .patch, headers: json, body: change) { response in
                #expect(String(buffer: response.body) == "{\"msg\":\"\"}\n")
            }
            try await client.execute(uri: "/version", method: .get) { response in
                #expect(String(buffer: response.body) == "{\"service\":\"users\",\"version\":\"9.9.9\"}\n")
            }
        }
    }

    @Test func saysWhenToTryAgain() async throws {
        let world = UsersWorld()
        let wrong = ByteBuffer(string: #"{"email":"jane@example.com","password":"wrong horse"}"#)
        for number in 0..<10 {
            _ = try? await world.service.logIn(.sample.with(password: "wrong"), from: "client-\(number)")
        }
        world.time.advance(by: .milliseconds(500))

        try await withClient(world) { client in
            let headers: HTTPFields = [.contentType: "application/json"]
            try await client.execute(uri: "/tokens", method: .post, headers: headers, body: wrong) { response in
                #expect(response.status == .tooManyRequests)
                #expect(response.headers[.retryAfter] == "6")
            }
        }
    }

    @Test func anOutageIsNoRefusal() async throws {
        let body = ByteBuffer(string: #"{"email":"jane@example.com","password":"correct horse"}"#)
        let headers: HTTPFields = [.contentType: "application/json"]
        let worlds = [UsersWorld(accounts: UnreachableAccounts()), UsersWorld(passwords: PlainHasher(isBusy: true))]

        for world in worlds {
            try await withClient(world) { client in
                for path in ["/users", "/tokens"] {
                    try await client.execute(uri: path, method: .post, headers: headers, body: body) { response in
                        #expect(response.status == .serviceUnavailable)
                        #expect(response.headers[.retryAfter] == "1")
                    }
                }
            }
        }
    }

    private func withClient(
        _ world: UsersWorld,
        _ body: @Sendable (any TestClientProtocol) async throws -> Void
    ) async throws {
        let responder = makeUsersResponder(service: world.service, version: "9.9.9")
        try await Application(responder: responder).test(.router) { try await body($0) }
    }
}
