import FluxgateClient
import Model
import NIOCore
import Testing

@Suite struct ProvisionCSVTests {
    private func plan(_ text: String) throws(ProvisionFileError) -> ProvisionPlan {
        try ProvisionPlan(csv: ByteBuffer(string: text))
    }

    @Test func makesEveryNameOnceAndConnectsEveryPairOnce() throws {
        let plan = try plan("thing,channel\nt1,c1\nt2,c1\nt1,c2\nt1,c1\n")

        #expect(plan.things.map(\.name) == ["t1", "t2"])
        #expect(plan.channels.map(\.name) == ["c1", "c2"])
        #expect(
            plan.connections
                == .pairs([.init(thing: 0, channel: 0), .init(thing: 1, channel: 0), .init(thing: 0, channel: 1)])
        )
    }

    @Test func columnsComeInAnyOrderAndLetterCase() throws {
        let plan = try plan("Key,CHANNEL,Thing\nkey-number-1,c,t\n")

        #expect(plan.things == [.init(name: "t", key: ThingKey("key-number-1"))])
        #expect(plan.channels == [.init(name: "c")])
    }

    @Test func aRowMayNameOnlyOneOfThem() throws {
        let plan = try plan("thing,channel\nt,\n,c\n")

        #expect(plan.things.count == 1)
        #expect(plan.channels.count == 1)
        #expect(plan.connections == .pairs([]))
    }

    @Test func aThingAndAChannelMayHaveTheSameName() throws {
        let plan = try plan("thing,channel\nx,x\n")

        #expect(plan.connections == .pairs([.init(thing: 0, channel: 0)]))
    }

    @Test func aKeyStandsInOneRowOfItsThing() throws {
        let plan = try plan("thing,channel,key\nt,c1,\nt,c2,key-number-1\nt,c3,key-number-1\n")

        #expect(plan.things == [.init(name: "t", key: ThingKey("key-number-1"))])
    }

    @Test(arguments: [
        ("", ""), ("thing\n", ""), ("thing,colour\nt,red", "line 1"), ("thing,thing\nt,t", "line 1"),
        ("channel,key\nc,key-number-1", "line 1"), ("thing,channel\nt\n", "line 2"),
        ("thing,channel\n,\n", "line 2"), ("thing,key\nt,short\n", "line 2"), ("thing,key\n,key-number-1\n", "line 2"),
        ("thing,key\nt,key-number-1\nt,key-number-2\n", "line 3"),
        ("thing,key\na,key-number-1\nb,key-number-1\n", ""), ("thing\nt\0\n", "line 2"),
    ])
    func refusesAndSaysWhere(_ text: String, place: String) {
        #expect { try plan(text) } throws: { ($0 as? ProvisionFileError)?.place == place }
    }

    @Test func neverRepeatsAKey() {
        #expect { try plan("thing,key\nt,se cret\n") } throws: { !"\($0)".contains("se cret") }
        #expect { try plan("thing,key\na,key-number-1\nb,key-number-1\n") } throws: {
            !"\($0)".contains("key-number-1")
        }
    }

    @Test func refusesANameThatIsTooLong() {
        #expect(throws: Never.self) { try plan("thing\n\(String(repeating: "a", count: 1_024))\n") }
        #expect(throws: ProvisionFileError("line 2", "the name is longer than 1,024 bytes")) {
            try plan("thing\n\(String(repeating: "é", count: 513))\n")
        }
    }

    @Test(.timeLimit(.minutes(1))) func readsAHugeFileInLinearTime() throws {
        let rows = (0..<20_000).map { "thing-\($0),\"channel-\($0 % 100)\"\n" }

        let plan = try plan("thing,channel\n" + rows.joined())

        #expect(plan.things.count == 20_000)
        #expect(plan.channels.count == 100)
        #expect(plan.connectionCount == 20_000)
    }
}
