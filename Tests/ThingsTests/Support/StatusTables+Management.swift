import HTTPTypes

extension StatusTables {
    static let creation: Rows = {
        var rows = all(
            keys(.post, "/things", good: 201),
            keys(.post, "/things/bulk", good: 201) { "[{},\($0)]" },
            [
                RESTCase("empty key is as none", 201, .post, "/things", #"{"key":""}"#),
                RESTCase("the same key twice", 422, .post, "/things/bulk", #"[{"key":"12345678"},{"key":"12345678"}]"#),
            ]
        )
        for path in ["/things", "/channels"] { rows += creation(path) }
        return rows
    }()

    private static func creation(_ path: String) -> Rows {
        let bulk = path + "/bulk"
        let tooMany = "[" + Array(repeating: "{}", count: 10_001).joined(separator: ",") + "]"
        let tooLarge = #"{"name":""# + String(repeating: "x", count: 1 << 20)
        return all(
            fields(.post, path, good: 201),
            brokenObjects(.post, path),
            order(.post, path, good: "{}", bad: #"{"name":1}"#),
            order(.post, bulk, good: "[{}]", bad: #"[{"name":1}]"#),
            [
                RESTCase("two", 201, .post, bulk, #"[{"name":"a"},{"metadata":{"a":1}}]"#),
                RESTCase("null item", 201, .post, bulk, "[null]"), RESTCase("none", 400, .post, bulk, "[]"),
                RESTCase("an object", 400, .post, bulk, "{}"), RESTCase("null", 400, .post, bulk, "null"),
                RESTCase("numbers", 400, .post, bulk, "[1]"),
                RESTCase("one bad", 400, .post, bulk, #"[{},{"name":1}]"#),
                RESTCase("10,001", 400, .post, bulk, tooMany), RESTCase("too large", 413, .post, path, tooLarge),
            ]
        )
    }

    static let single: Rows = {
        let path = "/things/$thing/key"
        var rows = all(
            ids(.patch, "thing", "/key", #"{"key":"12345678"}"#, good: 200, malformed: 400, missing: 404),
            keys(.patch, path, good: 200),
            brokenObjects(.patch, path),
            order(.patch, path, good: #"{"key":"12345678"}"#, bad: #"{"key":""}"#),
            [
                RESTCase("no key", 400, .patch, path, "{}"), RESTCase("empty key", 400, .patch, path, #"{"key":""}"#),
                RESTCase("the same key", 200, .patch, path, #"{"key":"$key"}"#),
            ]
        )
        for kind in ["thing", "channel"] { rows += single(kind) }
        return rows
    }()

    private static func single(_ kind: String) -> Rows {
        let path = "/\(kind)s/$\(kind)"
        return all(
            ids(.get, kind, good: 200, malformed: 404, missing: 404),
            ids(.head, kind, good: 200, malformed: 404, missing: 404),
            ids(.put, kind, "", "{}", good: 200, malformed: 400, missing: 404),
            ids(.delete, kind, good: 204, malformed: 400, missing: 204),
            fields(.put, path, good: 200),
            brokenObjects(.put, path),
            order(.put, path, good: "{}", bad: #"{"name":1}"#)
        )
    }

    static let lists: Rows = {
        let connected = ["/things/$connected_thing/channels", "/channels/$connected_channel/things"]
        var rows = [
            RESTCase("no UUID", 404, .get, "/things/nonsense/channels"),
            RESTCase("no UUID", 404, .get, "/channels/$bare_channel/things"),
            RESTCase("empty page", 200, .get, "/things/$unknown/channels"),
            RESTCase("empty page", 200, .get, "/channels/$foreign_channel/things"),
            RESTCase("empty id", 400, .get, "/things//channels"), RESTCase("empty id", 400, .get, "/channels//things"),
        ]
        for path in ["/things", "/channels"] + connected { rows += pages(path) }
        for path in ["/things", "/channels"] { rows += filters(path) }
        return rows
    }()

    private static func pages(_ path: String) -> Rows {
        let good = ["", "?", "?offset=9223372036854775807", "?limit=1", "?limit=100&offset=3", "?colour=red"]
        let bad = [
            "limit=0", "limit=101", "limit=-1", "limit=ten", "limit=", "limit=1.5", "limit=5&limit=5", "limit=%zz",
            "limit=+1", "limit=0x1", "limit=99999999999999999999999999", "offset=-1", "offset=", "offset=x",
            "offset=9223372036854775808", "offset=1&offset=1",
        ]
        return all(
            good.map { RESTCase("good page", 200, .get, path + $0) },
            bad.map { RESTCase("bad page", 400, .get, "\(path)?\($0)", token: "nobody's") },
            [
                RESTCase("no token", 403, .get, path + "?limit=0", token: nil),
                RESTCase("bad token", 403, .get, path, token: "nobody's"),
            ]
        )
    }

    private static func filters(_ path: String) -> Rows {
        let good = [
            "name=lamp", "name=a,b", "name=", "name=%25", "name=%5C", "metadata=null", "metadata=%7B%7D",
            "metadata=%7B%22a%22%3A1%2C%22b%22%3A2%7D",
        ]
        let bad = [
            "name=a&name=b", "name=%00", "name=%ff", "name=" + String(repeating: "x", count: 1025), "metadata=",
            "metadata=%5B%5D", "metadata=1", "metadata=%7B", "metadata=%7B%22a%22%3A%22%5Cu0000%22%7D",
            "metadata=" + String(repeating: "%7B%22a%22%3A", count: 500),
        ]
        return all(
            good.map { RESTCase("good filter", 200, .get, "\(path)?\($0)") },
            bad.map { RESTCase("bad filter", 400, .get, "\(path)?\($0)") }
        )
    }
}
