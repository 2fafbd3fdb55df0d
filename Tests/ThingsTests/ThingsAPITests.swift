import HTTPSupport
import HTTPTypes
import Model
import TestSupport
import Testing
import ThingsCore

@Suite struct ThingsAPITests {
    @Test(arguments: StatusTables.creation + StatusTables.single + StatusTables.connections + StatusTables.lists)
    func answersAsTheContractSays(_ test: RESTCase) async throws {
        let world = try await RESTWorld()

        let answer = try await world.answer(test)

        #expect(answer.status == test.status)
        #expect(answer.headers[.contentType] == "application/json")
        guard test.status >= 400, test.method != .head else { return }
        #expect(try answer.member("status") == .integer(Int64(test.status)))
        #expect(try answer.member("error") != nil)
        #expect(world.log.events == [])
    }

    @Test(arguments: StatusTables.access)
    func answersQuestionsAboutAccess(_ test: RESTCase) async throws {
        let world = try await RESTWorld()

        let answer = try await world.answer(test, by: world.access)

        #expect(answer.status == test.status)
        if test.status == 200 {
            let id = test.path == "/identify" ? "$thing" : "$connected_thing"
            let expected = test.path.hasSuffix("by-id") ? "" : #"{"id":"\#(world.resolve(id))"}"# + "\n"
            #expect(answer.body == expected)
        }
    }

    @Test func creationPointsToTheNewOneAndToTheBulkRoute() async throws {
        let world = try await RESTWorld()
        for kind in ["things", "channels"] {
            let created = try await world.call(.post, "/\(kind)", #"{"name":"é","metadata":{"b":[1,2.5],"a":{}}}"#)
            let location = try #require(created.headers[.location])
            let warning = try #require(HTTPField.Name("Warning-Deprecated"))

            let shown = try await world.call(.get, location)

            #expect(created.body == "")
            #expect(created.headers[warning]?.contains("/\(kind)/bulk") == true)
            #expect(try shown.member("id") == .string(String(location.dropFirst(kind.count + 2))))
            #expect(try shown.member("name") == "é")
            #expect(try shown.member("metadata") == ["b": [1, .double(2.5)], "a": [:]])
            #expect(try (shown.member("key") != nil) == (kind == "things"))
        }
    }

    @Test func whatIsEmptyIsLeftOut() async throws {
        let world = try await RESTWorld()
        let thing = try await world.call(.post, "/things", #"{"key":"12345678","metadata":{},"name":""}"#)
        let location = try #require(thing.headers[.location])

        let shown = try await world.call(.get, location)

        #expect(shown.body == #"{"id":"\#(location.dropFirst("/things/".count))","key":"12345678"}"# + "\n")
    }

    @Test func bulkCreationKeepsOrderKeysAndMetadata() async throws {
        let world = try await RESTWorld()
        let body = #"[{"name":"a","metadata":{"n":1}},{"key":"12345678"},{"name":"c"}]"#

        let created = try await world.call(.post, "/things/bulk", body)

        guard case .array(let things) = try created.member("things") else {
            Issue.record("no array in \(created.body)")
            return
        }
        #expect(things.count == 3)
        #expect(things[0].contains(["name": "a", "metadata": ["n": 1]]))
        #expect(things[1].contains(["key": "12345678"]))
        #expect(things[2].contains(["name": "c"]))
    }

    @Test func aBodyLargerThanUsualIsReadForSomeoneKnownOnly() async throws {
        let world = try await RESTWorld()
        let item = #"{"name":"\#(String(repeating: "x", count: 1000))"}"#
        let large = "[" + Array(repeating: item, count: 1100).joined(separator: ",")

        let fromNobody = try await world.answer(RESTCase("", 403, .post, "/things/bulk", large, token: "nobody's"))
        let fromMe = try await world.call(.post, "/things/bulk", large)
        let whole = try await world.call(.post, "/things/bulk", large + "]")

        #expect([fromNobody.status, fromMe.status, whole.status] == [403, 400, 201])
    }

    @Test func replacingClearsWhatIsLeftOutAndKeepsTheKey() async throws {
        let world = try await RESTWorld()

        let replaced = try await world.call(.put, "/things/$thing", #"{"metadata":{"a":1},"key":"ignored-key"}"#)

        let shown = try await world.call(.get, "/things/$thing")
        let body = #"{"id":"$thing","key":"$key","metadata":{"a":1}}"# + "\n"
        #expect(replaced.body == "")
        #expect(shown.body == world.resolve(body))
    }

    @Test(arguments: [("things", "$thing"), ("channels", "$channel")])
    func anETagGuardsWhatItWasShownWith(_ kind: String, _ id: String) async throws {
        let world = try await RESTWorld()
        let path = "/\(kind)/\(id)"
        func change(_ match: String, method: HTTPRequest.Method = .put) async throws -> Int {
            let body = method == .put ? #"{"name":"new"}"# : nil
            return try await world.call(method, path, body, headers: [.ifMatch: match]).status
        }
        let tag = try #require(try await world.call(.get, path).headers[.eTag])

        #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
        #expect(try await change(#""of-another-time", "99""#) == 412)
        #expect(try await change("W/\(tag)") == 412)
        #expect(try await change("nonsense") == 412)
        #expect(try await change(#""99" ,\#(tag)"#) == 200)
        #expect(try await change(tag) == 412)
        #expect(try await change(tag, method: .delete) == 412)
        #expect(try await change("*") == 200)
        #expect(try await change("*", method: .delete) == 204)
        #expect(try await change("*", method: .delete) == 412)
        #expect(try await change("*") == 404)
    }

    @Test func aPageTellsTheTotalAndItsOwnBounds() async throws {
        let world = try await RESTWorld()

        let page = try await world.call(.get, "/things?offset=1&limit=1")
        let connected = try await world.call(.get, "/channels/$connected_channel/things")
        let empty = try await world.call(.get, "/channels?offset=5")

        #expect(page.body.hasPrefix(#"{"total":3,"offset":1,"limit":1,"things":[{"#))
        #expect(connected.body.hasPrefix(#"{"total":1,"offset":0,"limit":10,"things":[{"#))
        #expect(connected.body.contains(world.resolve("$connected_key")))
        #expect(empty.body == #"{"total":2,"offset":5,"limit":10,"channels":[]}"# + "\n")
    }

    @Test func everyChangeIsToldBeforeItIsAnswered() async throws {
        let world = try await RESTWorld()

        _ = try await world.call(.patch, "/things/$connected_thing/key", #"{"key":"12345678"}"#)
        _ = try await world.call(.delete, "/channels/$connected_channel/things/$connected_thing")
        _ = try await world.call(.delete, "/things/$thing")
        _ = try await world.call(.delete, "/channels/$channel")

        #expect(
            world.log.events.map(\.operation) == ["thing.key", "thing.disconnect", "thing.remove", "channel.remove"]
        )
    }

    @Test func aHeadIsAGetWithoutItsBody() async throws {
        let world = try await RESTWorld()

        let head = try await world.call(.head, "/things/$thing")

        #expect(head.status == 200 && head.body.isEmpty && head.headers[.eTag] != nil)
    }

    @Test func anOutageIsNoRefusal() async throws {
        let world = try await RESTWorld()
        world.users.goAway()

        for (method, path) in [
            (HTTPRequest.Method.get, "/things"), (.delete, "/things/$thing"), (.get, "/channels/$channel"),
        ] {
            let answer = try await world.call(method, path)
            #expect(answer.status == 503)
            #expect(answer.headers[.retryAfter] != nil)
        }
    }

    @Test(arguments: [("things", "$thing"), ("channels", "$channel")])
    func whoMayHaveNoMoreIsForbiddenToCreateMore(_ kind: String, _ existing: String) async throws {
        // One more than there are.
        let world = try await RESTWorld(limits: TenantLimits(things: 4, channels: 3))

        let many = try await world.call(.post, "/\(kind)/bulk", "[{}, {}]")
        #expect(world.log.events == [])
        let last = try await world.call(.post, "/\(kind)", "{}")
        let single = try await world.call(.post, "/\(kind)", "{}")
        let foreign = try await world.answer(RESTCase("", 201, .post, "/\(kind)", "{}", token: "$foreign_token"))
        let removed = try await world.call(.delete, "/\(kind)/\(existing)")
        let again = try await world.call(.post, "/\(kind)/bulk", "[{}]")

        #expect([many, last, single].map(\.status) == [403, 201, 403])
        #expect([foreign, removed, again].map(\.status) == [201, 204, 201])
        for refusal in [many, single] {
            let limit = kind == "things" ? 4 : 3
            #expect(try refusal.member("error") == "limit reached")
            #expect(
                try refusal.member("detail") == .string("that would be more \(kind) than an account may have: \(limit)")
            )
        }
    }

    @Test func tellsItsVersion() async throws {
        let world = try await RESTWorld()

        let answer = try await world.answer(RESTCase("", 200, .get, "/version", token: nil, type: nil))

        #expect(answer.body == #"{"service":"things","version":"1.2.3"}"# + "\n")
    }
}
