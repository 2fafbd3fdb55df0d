import Model
import TestSupport
import Testing
import ThingsCore

@Suite struct ListContract {
    let mine = Tenant.ID.random()
    let theirs = Tenant.ID.random()

    @Test(arguments: Backend.allCases)
    func pagesTogetherAreTheWholeListInTheOrderOfIDs(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let added = (0..<1500).map { Thing.sample(of: mine, name: "\($0)") }
        try await things.add(added)
        try await things.add((0..<30).map { _ in .sample(of: theirs) })

        for limit in [1, 7, 100] {
            var listed: [Thing] = []
            for offset in stride(from: 0, to: limit == 1 ? 40 : 1500, by: limit) {
                let page = try await things.list(
                    .matching(.everything),
                    PageRequest(offset: offset, limit: limit),
                    of: mine
                )
                #expect(page.total == 1500)
                listed += page.items
            }
            #expect(listed == Array(added.sorted { $0.id < $1.id }.prefix(limit == 1 ? 40 : 1500)))
        }
    }

    @Test(arguments: Backend.allCases)
    func thePagesFollowRemovals(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let added = (0..<300).map { _ in Thing.sample(of: mine) }.sorted { $0.id < $1.id }
        try await things.add(added)
        for thing in added.prefix(150) { _ = try await things.remove(thing.id, if: .none, of: mine) }

        let first = try await things.list(.matching(.everything), PageRequest(limit: 100), of: mine)
        let second = try await things.list(.matching(.everything), PageRequest(offset: 100, limit: 100), of: mine)

        #expect(first.total == 150)
        #expect(first.items + second.items == Array(added.suffix(150)))
    }

    @Test(arguments: Backend.allCases)
    func beyondTheEndIsAnEmptyPageWithTheTotal(_ backend: Backend) async throws {
        let repositories = try await backend.repositories()
        try await repositories.things.add([.sample(of: mine), .sample(of: mine)])

        for offset in [2, 3, .max] {
            let page = try await repositories.things.list(.matching(.everything), PageRequest(offset: offset), of: mine)
            #expect(page.total == 2 && page.items.isEmpty)
            let filtered = try await repositories.things.list(
                .matching(.named("")),
                PageRequest(offset: offset),
                of: mine
            )
            #expect(filtered.total == 2 && filtered.items.isEmpty)
        }
        #expect(try await repositories.channels.list(.matching(.everything), PageRequest(), of: mine).total == 0)
    }

    @Test(arguments: Backend.allCases)
    func namesAreSearchedWithoutLetterCaseAndWithoutWildcards(_ backend: Backend) async throws {
        let channels = try await backend.repositories().channels
        let names = ["100% wool", "100 wool", "a_b", "aXb", #"back\slash"#, "ÄRGER, viel", "", "it's"]
        try await channels.add(names.map { .sample(of: mine, name: $0) })
        try await channels.add(names.map { .sample(of: theirs, name: $0) })

        func found(_ name: String) async throws -> [String] {
            let page = try await channels.list(.matching(.named(name)), PageRequest(limit: 100), of: mine)
            #expect(page.total == page.items.count)
            return page.items.map(\.name).sorted()
        }
        #expect(try await found("0%") == ["100% wool"])
        #expect(try await found("_") == ["a_b"])
        #expect(try await found("A") == ["aXb", "a_b", #"back\slash"#].sorted())
        #expect(try await found(#"\"#) == [#"back\slash"#])
        #expect(try await found("ärger,") == ["ÄRGER, viel"])
        #expect(try await found("'") == ["it's"])
        #expect(try await found("no such") == [])
        #expect(try await found("").count == names.count)
    }

    @Test(arguments: Backend.allCases)
    func metadataIsSearchedByContainment(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let red = Thing.sample(
            of: mine,
            name: "red lamp",
            metadata: ["color": "red", "spec": ["watt": 5, "tags": ["a", "b"]]]
        )
        let blue = Thing.sample(of: mine, name: "blue lamp", metadata: ["color": "blue", "spec": ["watt": .double(5)]])
        try await things.add([red, blue, .sample(of: mine)])
        try await things.add([.sample(of: theirs, metadata: red.metadata)])

        func found(_ filter: ListFilter) async throws -> Set<String> {
            Set(try await things.list(.matching(filter), PageRequest(), of: mine).items.map(\.name))
        }
        #expect(try await found(.having(["color": "red"])) == ["red lamp"])
        #expect(try await found(.having(["spec": ["watt": 5]])) == ["red lamp", "blue lamp"])
        #expect(try await found(.having(["spec": ["tags": ["b"]]])) == ["red lamp"])
        #expect(try await found(.having(["spec": ["tags": "b"]])) == [])
        #expect(try await found(ListFilter(name: "BLUE", metadata: ["spec": ["watt": 5]])) == ["blue lamp"])
        #expect(try await found(ListFilter(name: "BLUE", metadata: ["color": "red"])) == [])
    }

    @Test(arguments: Backend.allCases)
    func filteredPagesKeepOrderAndTotal(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let added = (0..<90).map { Thing.sample(of: mine, name: $0 % 3 == 0 ? "fizz \($0)" : "\($0)") }
        try await things.add(added)

        let page = try await things.list(.matching(.named("FIZZ")), PageRequest(offset: 10, limit: 15), of: mine)

        let fizzes = added.filter { $0.name.hasPrefix("fizz") }.sorted { $0.id < $1.id }
        #expect(page.total == 30)
        #expect(page.items == Array(fizzes[10..<25]))
    }
}
