import HTTPSupport
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Model
import NIOCore
import Testing

/// The path rules and bodies that every REST service shares (contract 0.1 with the decisions of section 12).
@Suite struct RoutingTests {
    @Test(arguments: [
        (HTTPRequest.Method.get, "/nowhere", 404), (.get, "/", 404), (.get, "", 404), (.get, "//", 404),
        (.get, "/things/a/b", 404), (.get, "/nowhere/", 404), (.get, "//evil.example/", 404), (.options, "*", 404),
        (.put, "/things", 405), (.options, "/things", 405), (.patch, "/things/a", 405), (.post, "/version", 405),
        (.get, "/things/", 400), (.delete, "/things/", 400), (.get, "/things//channels", 400),
        (.get, "/things/%zz", 400), (.get, "/things/%", 400), (.get, "/things/%00", 400), (.get, "/things/%ff", 400),
        (.get, "/broken", 500), (.get, "/cancelled", 503),
        (.get, "/things", 200), (.head, "/things", 200), (.delete, "/things/a", 204),
        (.get, "http://other.example/things", 200), (.get, "http://other.example", 404),
    ])
    func answersEveryPathWithItsStatus(_ method: HTTPRequest.Method, _ path: String, _ status: Int) async throws {
        try await withClient { client in
            try await client.execute(uri: path, method: method) { response in
                #expect(response.status.code == status)
                guard status >= 400 else { return }
                #expect(response.headers[.contentType] == "application/json")
                let fields = try JSONFields(JSONValue(parsing: String(buffer: response.body)))
                #expect(try fields.string("error")?.isEmpty == false)
                #expect(fields["status"] == .integer(Int64(status)))
                #expect(fields["type"] == .string("about:blank"))
                #expect(try fields.string("title") == response.status.reasonPhrase)
                #expect(try fields.string("detail")?.isEmpty == false)
            }
        }
    }

    @Test func saysWhichMethodsAPathTakes() async throws {
        try await withClient { client in
            try await client.execute(uri: "/things/a", method: .put) { response in
                #expect(response.headers[.allow] == "DELETE, GET, HEAD")
            }
            try await client.execute(uri: "/things/bulk", method: .put) { response in
                #expect(response.headers[.allow] == "DELETE, GET, HEAD, POST")
            }
        }
    }

    @Test func redirectsATrailingSlashWithItsQuery() async throws {
        try await withClient { client in
            try await client.execute(uri: "/things/a/?x=1", method: .post) { response in
                #expect(response.status.code == 308)
                #expect(response.headers[.location] == "/things/a?x=1")
            }
            try await client.execute(uri: "/version/", method: .get) { response in
                #expect(response.headers[.location] == "/version")
            }
        }
    }

    @Test func answersHeadAsGetWithoutABody() async throws {
        try await withClient { client in
            try await client.execute(uri: "/version", method: .head) { response in
                #expect(response.status == .ok)
                #expect(response.headers[.contentLength] == "39")
                #expect(response.body.readableBytes == 0)
            }
        }
    }

    @Test func keepsOurOwnFailuresToItself() async throws {
        try await withClient { client in
            try await client.execute(uri: "/broken", method: .get) { response in
                #expect(!String(buffer: response.body).contains("nobody"))
            }
            try await client.execute(uri: "/cancelled", method: .get) { response in
                #expect(response.headers[.retryAfter] == "1")
            }
        }
    }

    @Test func decodesAPathSegmentWithoutSplittingIt() async throws {
        try await withClient { client in
            try await client.execute(uri: "/things/a%2Fb+%C3%A9", method: .get) { response in
                #expect(String(buffer: response.body) == "{\"id\":\"a/b+é\"}\n")
            }
        }
    }

    @Test(arguments: [
        ("secret", "secret"), ("Bearer secret", "secret"), ("bearer  secret", "secret"), ("Bearer", "Bearer"),
    ])
    func readsTheTokenRawOrAsBearer(_ header: String, _ token: String) async throws {
        try await withClient { client in
            try await client.execute(uri: "/things/a", method: .get, headers: [.authorization: header]) { response in
                #expect(String(buffer: response.body) == "{\"id\":\"a\",\"token\":\"\(token)\"}\n")
            }
        }
    }

    @Test func refusesTwoAuthorizationHeaders() async throws {
        var headers = HTTPFields()
        headers.append(HTTPField(name: .authorization, value: "one"))
        headers.append(HTTPField(name: .authorization, value: "two"))
        let both = headers

        try await withClient { client in
            try await client.execute(uri: "/things/a", method: .get, headers: both) { response in
                #expect(response.status == .badRequest)
            }
        }
    }

    @Test(arguments: [
        (#"{"name":"a"}"#, "application/json", 201), (#"{"NAME":"a"}"#, "application/json; charset=utf-8", 201),
        ("null", "application/json", 201), (#"{"other":[1]}"#, "application/json-patch+json", 201),
        (" {} \n", "application/json", 201),
        ("{}", "Application/JSON", 415), ("{}", "text/plain", 415), ("{}", nil, 415), ("{", nil, 415),
        ("", "application/json", 400), ("{", "application/json", 400), ("{}{}", "application/json", 400),
        ("{} x", "application/json", 400), ("[]", "application/json", 400), (#""a""#, "application/json", 400),
        (#"{"name":1}"#, "application/json", 400), (#"{"name":"\u0000"}"#, "application/json", 400),
        (#"{"name":"\ud800"}"#, "application/json", 400), ("{'name':1}", "application/json", 400),
        (String(repeating: "[", count: 2000), "application/json", 400),
        (#"{"name":""# + String(repeating: "x", count: 5000) + #""}"#, "application/json", 413),
    ])
    func readsJSONObjects(_ body: String, _ contentType: String?, _ status: Int) async throws {
        try await withClient { client in
            var headers = HTTPFields()
            headers[.contentType] = contentType
            try await client.execute(uri: "/things", method: .post, headers: headers, body: ByteBuffer(string: body)) {
                #expect($0.status.code == status)
            }
        }
    }

    @Test(arguments: [("[{},null]", 201), ("[]", 201), ("{}", 400), ("[1]", 400), ("null", 400)])
    func readsJSONArraysOfObjects(_ body: String, _ status: Int) async throws {
        try await withClient { client in
            let headers: HTTPFields = [.contentType: "application/json"]
            try await client.execute(
                uri: "/things/bulk",
                method: .post,
                headers: headers,
                body: ByteBuffer(string: body)
            ) { #expect($0.status.code == status) }
        }
    }

    @Test(arguments: [
        ("", 200), ("offset=5&limit=100", 200), ("offset=9223372036854775807", 200), ("unknown=%41&unknown=2", 200),
        ("offset=9223372036854775808", 400), ("offset=-1", 400), ("offset=", 400), ("offset", 400), ("offset=1.0", 400),
        ("offset=%2B1", 400), ("offset=+1", 400), ("offset=٣", 400), ("offset=1&offset=2", 400),
        ("limit=0", 400), ("limit=101", 400), ("limit=a", 400), ("other=%zz", 400), ("other=%f", 400),
    ])
    func readsPaging(_ query: String, _ status: Int) async throws {
        try await withClient { client in
            try await client.execute(uri: "/things?\(query)", method: .get) { #expect($0.status.code == status) }
        }
    }

    private func withClient(_ body: @Sendable (any TestClientProtocol) async throws -> Void) async throws {
        let responder = RESTResponder(.sample(), metrics: RESTMetrics(namespace: "test_api"))
        try await Application(responder: responder).test(.router) { try await body($0) }
    }
}
