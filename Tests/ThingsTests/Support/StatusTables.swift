import HTTPTypes

/// Contract 2.3 with the decisions of section 12: what the routes share. The rows of single routes are beside.
enum StatusTables {
    typealias Rows = [RESTCase]

    static let longName = String(repeating: "é", count: 512) + "x"

    static func all(_ tables: Rows...) -> Rows { Array(tables.joined()) }

    /// What is wrong with every body that is one object.
    static func brokenObjects(_ method: HTTPRequest.Method, _ path: String) -> Rows {
        let bodies = [
            "", "{", "[]", "1", #""text""#, "{}{}", "{} x", "{\"name\":\"\\u0000\"}", "{\"name\":\"\u{1}\"}",
            "{'name':1}",
            String(repeating: "[", count: 100_000), "{\"metadata\":" + String(repeating: "{\"a\":", count: 2_000),
        ]
        return bodies.map { RESTCase("malformed \($0.prefix(20))", 400, method, path, $0) }
    }

    /// The order of checks: content type, JSON, token there, fields, token good.
    static func order(_ method: HTTPRequest.Method, _ path: String, good: String, bad: String) -> Rows {
        [
            RESTCase("no content type", 415, method, path, "{", token: nil, type: nil),
            RESTCase("another content type", 415, method, path, good, type: "text/plain"),
            RESTCase("content type in capitals", 415, method, path, good, type: "Application/JSON"),
            RESTCase("broken body without a token", 400, method, path, "{", token: nil),
            RESTCase("bad field without a token", 403, method, path, bad, token: nil),
            RESTCase("bad field with a bad token", 400, method, path, bad, token: "nobody's"),
            RESTCase("no token", 403, method, path, good, token: nil),
            RESTCase("empty token", 403, method, path, good, token: ""),
            RESTCase("bad token", 403, method, path, good, token: "nobody's"),
            RESTCase("another scheme", 403, method, path, good, token: "Basic $token"),
        ]
    }

    /// Name and metadata, wherever they are given.
    static func fields(_ method: HTTPRequest.Method, _ path: String, good: Int) -> Rows {
        [
            RESTCase("nothing", good, method, path, "{}"), RESTCase("null", good, method, path, "null"),
            RESTCase("any letter case", good, method, path, #"{"NAME":"lamp","MetaData":{"a":1}}"#),
            RESTCase("unknown fields", good, method, path, #"{"id":7,"owner":[]}"#),
            RESTCase("content type with charset", good, method, path, "{}", type: "application/json; charset=utf-8"),
            RESTCase("Bearer", good, method, path, "{}", token: "Bearer $token"),
            RESTCase("long name", 400, method, path, #"{"name":"\#(longName)"}"#),
            RESTCase("number for a name", 400, method, path, #"{"name":1}"#),
            RESTCase("array for metadata", 400, method, path, #"{"metadata":[1]}"#),
            RESTCase("U+0000 deep in metadata", 400, method, path, #"{"metadata":{"a":["\u0000"]}}"#),
        ]
    }

    /// Keys that a client gives, in a body that `wrap` makes of the object with the key.
    static func keys(
        _ method: HTTPRequest.Method,
        _ path: String,
        good: Int,
        wrap: (String) -> String = { $0 }
    ) -> Rows {
        let keys: [(key: String, status: Int)] = [
            ("1234567", 400), (String(repeating: "k", count: 257), 400), ("with a blank", 400), (#"with\ttab."#, 400),
            ("schlüssel", 400), ("!a=b,c/d~", good), (String(repeating: "k", count: 256), good), ("$other_key", 422),
            ("$foreign_key", 422),
        ]
        var rows = keys.map { key, status in
            RESTCase("key \(key.prefix(12))", status, method, path, wrap(#"{"key":"\#(key)"}"#))
        }
        rows.append(RESTCase("number for a key", 400, method, path, wrap(#"{"key":12345678}"#)))
        return rows
    }

    /// Ids in the path; `malformed` is the status of those that are no UUID, `missing` of those that name nothing of the
    /// caller's.
    static func ids(
        _ method: HTTPRequest.Method,
        _ kind: String,
        _ suffix: String = "",
        _ body: String? = nil,
        good: Int,
        malformed: Int,
        missing: Int
    ) -> Rows {
        let path = "/\(kind)s/$\(kind)\(suffix)"
        let ids: [(id: String, status: Int)] = [
            ("$\(kind)", good), ("$upper_\(kind)", good), ("$unknown", missing), ("$foreign_\(kind)", missing),
            ("nonsense", malformed), ("$bare_\(kind)", malformed), ("", 400),
        ]
        var rows = ids.map { id, status in RESTCase("id", status, method, "/\(kind)s/\(id)\(suffix)", body) }
        rows.append(RESTCase("no token", 403, method, path, body, token: nil))
        rows.append(RESTCase("bad token", 403, method, path, body, token: "nobody's"))
        rows.append(RESTCase("another method", 405, .options, path))
        return rows
    }
}
