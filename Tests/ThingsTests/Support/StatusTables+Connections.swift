import HTTPTypes

extension StatusTables {
    static let connections: Rows = {
        let two = #"{"channel_ids":["$channel","$connected_channel"],"thing_ids":["$connected_thing"]}"#
        return all(
            pairs(.put, "/channels/$channel/things/$thing", good: 200),
            pairs(.delete, "/channels/$connected_channel/things/$connected_thing", good: 204),
            many(.post, "/connect", channel: "$channel", thing: "$thing"),
            many(.put, "/disconnect", channel: "$connected_channel", thing: "$connected_thing"),
            [
                RESTCase("connected", 422, .put, "/channels/$connected_channel/things/$connected_thing"),
                RESTCase("not connected", 404, .delete, "/channels/$channel/things/$thing"),
                RESTCase("one connected", 422, .post, "/connect", two),
                RESTCase("one not connected", 404, .put, "/disconnect", two),
            ]
        )
    }()

    /// The single routes: both ids stand in the path.
    private static func pairs(_ method: HTTPRequest.Method, _ path: String, good: Int) -> Rows {
        [
            RESTCase("good", good, method, path), RESTCase("no token", 403, method, path, token: nil),
            RESTCase("capitals", good, method, path.replacing("$", with: "$upper_")),
            RESTCase("unknown channel", 404, method, "/channels/$unknown/things/$thing"),
            RESTCase("unknown thing", 404, method, "/channels/$channel/things/$unknown"),
            RESTCase("foreign channel", 404, method, "/channels/$foreign_channel/things/$thing"),
            RESTCase("foreign thing", 404, method, "/channels/$channel/things/$foreign_thing"),
            RESTCase("foreign caller", 404, method, path, token: "$foreign_token"),
            RESTCase("no UUID", 400, method, "/channels/nonsense/things/$thing"),
            RESTCase("no UUID", 400, method, "/channels/$channel/things/nonsense", token: "nobody's"),
            RESTCase("empty id", 400, method, "/channels/$channel/things/"),
            RESTCase("bad token", 403, method, path, token: "nobody's"),
        ]
    }

    /// The bulk routes: the ids stand in the body.
    private static func many(_ method: HTTPRequest.Method, _ path: String, channel: String, thing: String) -> Rows {
        func body(_ channel: String, _ thing: String) -> String {
            #"{"channel_ids":[\#(channel)],"thing_ids":[\#(thing)]}"#
        }
        let (channel, thing) = ("\"\(channel)\"", "\"\(thing)\"")
        let good = body(channel, thing)
        return all(
            brokenObjects(method, path),
            order(method, path, good: good, bad: body("7", thing)),
            [
                RESTCase("good", 200, method, path, good), RESTCase("nothing", 200, method, path, "{}"),
                RESTCase("no channels", 200, method, path, body("", thing)),
                RESTCase("null list", 200, method, path, #"{"channel_ids":null,"thing_ids":[\#(thing)]}"#),
                RESTCase("capitals", 200, method, path, good.replacing("$", with: "$upper_")),
                RESTCase("empty id", 400, method, path, body(#""""#, thing)),
                RESTCase("a number", 400, method, path, body(channel, "7")),
                RESTCase("no UUID", 400, method, path, body(channel, #""nonsense""#)),
                RESTCase("no hyphens", 400, method, path, body(channel, #""$bare_thing""#)),
                RESTCase("a string", 400, method, path, #"{"channel_ids":"x","thing_ids":[]}"#),
                RESTCase("unknown", 404, method, path, body(#""$unknown""#, thing)),
                RESTCase("foreign", 404, method, path, body(channel, #""$foreign_thing""#)),
                RESTCase("foreign caller", 404, method, path, good, token: "$foreign_token"),
            ]
        )
    }

    static let access: Rows = {
        let routes = [
            ("/identify", "token", "$key", "key12345"),
            ("/channels/$connected_channel/access-by-key", "token", "$connected_key", "$key"),
            ("/channels/$upper_connected_channel/access-by-key", "token", "$connected_key", "$foreign_key"),
            ("/channels/$connected_channel/access-by-id", "thing_id", "$upper_connected_thing", "$thing"),
        ]
        let key = #"{"token":"$connected_key"}"#
        var rows = [
            RESTCase("no UUID", 403, .post, "/channels/nonsense/access-by-key", key),
            RESTCase("no UUID", 403, .post, "/channels/$bare_connected_channel/access-by-key", key),
            RESTCase("no UUID", 403, .post, "/channels/$connected_channel/access-by-id", #"{"thing_id":"nonsense"}"#),
            RESTCase("of old", 404, .post, "/channels/$connected_channel/access", key),
            RESTCase("management", 404, .get, "/things"), RESTCase("another method", 405, .get, "/identify"),
        ]
        for (path, field, good, bad) in routes { rows += access(path, field, good: good, bad: bad) }
        return rows
    }()

    private static func access(_ path: String, _ field: String, good: String, bad: String) -> Rows {
        let tooLarge = #"{"\#(field)":"\#(String(repeating: "k", count: 20_000))"}"#
        return all(
            brokenObjects(.post, path).filter { ($0.body?.utf8.count ?? 0) < 16_000 },
            [
                RESTCase("good", 200, .post, path, #"{"\#(field)":"\#(good)"}"#, token: nil),
                RESTCase("bad", 403, .post, path, #"{"\#(field)":"\#(bad)"}"#),
                RESTCase("empty", 403, .post, path, #"{"\#(field)":""}"#), RESTCase("none", 403, .post, path, "{}"),
                RESTCase("no text", 400, .post, path, #"{"\#(field)":1}"#),
                RESTCase("no type", 415, .post, path, #"{"\#(field)":"\#(good)"}"#, type: nil),
                RESTCase("too large", 413, .post, path, tooLarge),
            ]
        )
    }
}
