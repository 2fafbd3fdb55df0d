import Model
import TestSupport
import Testing
import ThingsCore

@Suite struct ThingRepositoryContract {
    let mine = Tenant.ID.random()
    let theirs = Tenant.ID.random()

    @Test(arguments: Backend.allCases)
    func whatWasAddedIsFoundAsItWas(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let metadata: JSONObject = [
            "text": "\"Ärger\" \\ 🦉", "whole": .integer(.max), "number": .double(120.1), "none": .null,
            "nested": .object(["list": .array([.bool(true), .integer(-1), .string("")])]),
        ]
        let thing = Thing.sample(of: mine, name: "a name", metadata: metadata)
        try await things.add([thing])

        #expect(try await things.find(thing.id, of: mine) == Versioned(thing, revision: 1))
        #expect(try await things.find(.random(), of: mine) == nil)
    }

    @Test(arguments: Backend.allCases)
    func theSameKeyTwiceIsRefusedForEveryTenant(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let thing = Thing.sample(of: mine)
        try await things.add([thing])

        for tenant in [mine, theirs] {
            await #expect(throws: ThingsError.keyInUse) {
                try await things.add([.sample(of: tenant), .sample(of: tenant, key: thing.key)])
            }
        }
        let twice = ThingKey.random()
        await #expect(throws: ThingsError.keyInUse) {
            try await things.add([.sample(of: mine, key: twice), .sample(of: mine, key: twice)])
        }
        #expect(try await things.list(.matching(.everything), PageRequest(), of: mine).items == [thing])
        #expect(try await things.list(.matching(.everything), PageRequest(), of: theirs).total == 0)
    }

    @Test(arguments: Backend.allCases)
    func whatBelongsToAnotherDoesNotExist(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let thing = Thing.sample(of: theirs, name: "theirs")
        try await things.add([thing])
        let details = try Details(name: "mine")

        #expect(try await things.find(thing.id, of: mine) == nil)
        await #expect(throws: ThingsError.notFound) {
            try await things.change(thing.id, .details(details), if: .none, of: mine)
        }
        await #expect(throws: ThingsError.notFound) {
            try await things.change(thing.id, .key(.random()), if: .isOneOf([1]), of: mine)
        }
        #expect(try await things.remove(thing.id, if: .none, of: mine) == false)
        #expect(try await things.find(thing.id, of: theirs) == Versioned(thing, revision: 1))
    }

    @Test(arguments: Backend.allCases)
    func aChangeReplacesOnlyWhatItNamesAndRaisesTheRevision(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let other = Thing.sample(of: mine)
        var thing = Thing.sample(of: mine, name: "before", metadata: ["a": 1])
        try await things.add([thing, other])

        let second = try await things.change(thing.id, .details(try Details(name: "after")), if: .none, of: mine)
        thing.name = "after"
        thing.metadata = [:]
        #expect(second == 2)
        #expect(try await things.find(thing.id, of: mine) == Versioned(thing, revision: 2))

        thing.key = .random()
        try await things.change(thing.id, .key(thing.key), if: .none, of: mine)
        #expect(try await things.find(thing.id, of: mine) == Versioned(thing, revision: 3))
        #expect(try await things.find(other.id, of: mine) == Versioned(other, revision: 1))
    }

    @Test(arguments: Backend.allCases)
    func aKeyInUseIsRefusedOnChangeButForTheThingItself(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let (one, other) = (Thing.sample(of: mine), Thing.sample(of: theirs))
        try await things.add([one])
        try await things.add([other])

        await #expect(throws: ThingsError.keyInUse) {
            try await things.change(one.id, .key(other.key), if: .none, of: mine)
        }
        try await things.change(one.id, .key(one.key), if: .none, of: mine)
        #expect(try await things.find(one.id, of: mine)?.value == one)
    }

    @Test(arguments: Backend.allCases)
    func aChangeNeedsTheRevisionThatWasSeen(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let thing = Thing.sample(of: mine)
        try await things.add([thing])
        let change = ThingChange.details(try Details(name: "new"))

        await #expect(throws: ThingsError.changedMeanwhile) {
            try await things.change(thing.id, change, if: .isOneOf([2, 3]), of: mine)
        }
        await #expect(throws: ThingsError.changedMeanwhile) {
            try await things.change(thing.id, change, if: .isOneOf([]), of: mine)
        }
        #expect(try await things.change(thing.id, change, if: .isOneOf([7, 1]), of: mine) == 2)
        #expect(try await things.change(thing.id, change, if: .exists, of: mine) == 3)
        await #expect(throws: ThingsError.changedMeanwhile) {
            try await things.remove(thing.id, if: .isOneOf([2]), of: mine)
        }
        #expect(try await things.remove(thing.id, if: .isOneOf([3]), of: mine))
        await #expect(throws: ThingsError.changedMeanwhile) {
            try await things.remove(thing.id, if: .exists, of: mine)
        }
        await #expect(throws: ThingsError.notFound) {
            try await things.change(thing.id, change, if: .exists, of: mine)
        }
    }

    @Test(arguments: Backend.allCases)
    func aRemovedThingIsGoneAndItsKeyFree(_ backend: Backend) async throws {
        let things = try await backend.repositories().things
        let thing = Thing.sample(of: mine)
        try await things.add([thing])

        #expect(try await things.remove(thing.id, if: .none, of: mine))
        #expect(try await things.remove(thing.id, if: .none, of: mine) == false)
        #expect(try await things.find(thing.id, of: mine) == nil)
        #expect(try await things.list(.matching(.everything), PageRequest(), of: mine).total == 0)
        try await things.add([.sample(of: theirs, key: thing.key)])
    }
}
