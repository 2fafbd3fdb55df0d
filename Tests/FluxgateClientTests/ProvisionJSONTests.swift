import FluxgateClient
import Model
import NIOCore
import Testing

@Suite struct ProvisionJSONTests {
    private func plan(_ text: String) throws(ProvisionFileError) -> ProvisionPlan {
        try ProvisionPlan(json: ByteBuffer(string: text))
    }

    @Test func readsThingsChannelsAndPairs() throws {
        let plan = try plan(
            """
            {"things": [{"name": "t1", "key": "key-number-1", "metadata": {"floor": 2}}, {"name": "t2"}],
             "channels": [{"name": "c", "metadata": {"a": null}}],
             "connect": [{"thing": "t2", "channel": "c"}, {"thing": "t2", "channel": "c"}]}
            """
        )

        #expect(
            plan.things == [
                .init(name: "t1", key: ThingKey("key-number-1"), metadata: ["floor": .integer(2)]), .init(name: "t2"),
            ]
        )
        #expect(plan.channels == [.init(name: "c", metadata: ["a": .null])])
        #expect(plan.connections == .pairs([.init(thing: 1, channel: 0)]))
        #expect(plan.count == 4)
    }

    @Test func allConnectsEveryThingWithEveryChannel() throws {
        let plan = try plan(
            #"{"things":[{"name":"a"},{"name":"b"}],"channels":[{"name":"c"},{"name":"d"}],"connect":"all"}"#
        )

        #expect(plan.connections == .all)
        #expect(plan.connectionCount == 4)
    }

    @Test(arguments: [
        ("", ""), ("[]", ""), ("{}", ""), ("{\"things\":[]}", ""), ("{\"things\":[{\"name\":\"t\"}]", ""),
        (#"{"thing":[{"name":"t"}]}"#, ""), (#"{"things":{"name":"t"}}"#, "things"),
        (#"{"things":[{"name":"t"},{}]}"#, "things[1]"), (#"{"things":[{"name":7}]}"#, "things[0].name"),
        (#"{"things":[{"name":""}]}"#, "things[0]"), (#"{"things":[{"name":"t","keys":""}]}"#, "things[0]"),
        (#"{"things":[{"name":"t"},{"name":"t"}]}"#, "things[1]"),
        (#"{"channels":[{"name":"c"},{"name":"c"}]}"#, "channels[1]"),
        (#"{"things":[{"name":"t","key":"short"}]}"#, "things[0]"),
        (#"{"things":[{"name":"t","metadata":[1]}]}"#, "things[0].metadata"),
        (#"{"things":[{"name":"t"}],"connect":"everything"}"#, "connect"),
        (#"{"things":[{"name":"t"}],"connect":[{"thing":"t","channel":"c"}]}"#, "connect[0]"),
        (#"{"channels":[{"name":"c"}],"connect":[{"thing":"t","channel":"c"}]}"#, "connect[0]"),
    ])
    func refusesAndSaysWhere(_ text: String, place: String) {
        #expect { try plan(text) } throws: { ($0 as? ProvisionFileError)?.place == place }
    }

    @Test func refusesNestingWithoutEnd() {
        let deep = String(repeating: "[", count: 100_000)

        #expect(throws: ProvisionFileError.self) { try plan(#"{"things":[{"name":"t","metadata":{"a":"# + deep) }
    }

    @Test(arguments: [("devices.csv", ProvisionFile.Format.csv), ("a.b/DEVICES.JSON", .json)])
    func theNameOfTheFileTellsItsFormat(_ path: String, format: ProvisionFile.Format) {
        #expect(ProvisionFile(path: path)?.format == format)
    }

    @Test func aFileThatIsNotThereIsBadInput() throws {
        let file = try #require(ProvisionFile(path: "no/such/file.csv"))

        #expect { try file.read() } throws: { error in
            error as? ClientFailure
                == ClientFailure(.badInput, "no/such/file.csv can't be read: there is no such file.")
        }
    }
}
