import Model
import Testing

@Suite struct UniqueIDTests {
    static let canonical = "123e4567-e89b-42d3-a456-426614174000"

    @Test(arguments: [canonical, canonical.uppercased(), "123E4567-e89B-42d3-A456-426614174000"])
    func readsAnyLetterCaseAndWritesTheCanonicalForm(_ spelling: String) throws {
        let id = try #require(UniqueID(spelling))

        #expect(id.description == Self.canonical)
    }

    @Test(arguments: [
        "", "123e4567", "123e4567e89b42d3a456426614174000", "{\(canonical)}", "urn:uuid:\(canonical)", " \(canonical)",
        "\(canonical) ", "\(canonical)0", String(canonical.dropLast()), "123e4567-e89b-42d3-a456-42661417400g",
        "123e4567+e89b-42d3-a456-426614174000", "123e4567-e89b42d3--a456-426614174000",
        "１23e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-42d3-a456-42661417400\u{0}",
        "0x3e4567-e89b-42d3-a456-426614174000", "+23e4567-e89b-42d3-a456-426614174000",
    ])
    func refusesEveryOtherSpelling(_ spelling: String) {
        #expect(UniqueID(spelling) == nil)
    }

    @Test func sixteenBytesMakeTheSameID() throws {
        let id = try #require(UniqueID(Self.canonical))

        #expect(
            id.bytes == [0x12, 0x3E, 0x45, 0x67, 0xE8, 0x9B, 0x42, 0xD3, 0xA4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0]
        )
        #expect(UniqueID(bytes: id.bytes) == id)
        #expect(UniqueID(bytes: id.bytes.dropLast()) == nil)
        #expect(UniqueID(bytes: id.bytes + [0]) == nil)
    }

    @Test func aRandomOneIsOfVersionFourAndNotTheLastOne() {
        let ids = (0..<1000).map { _ in UniqueID.random() }

        #expect(ids.allSatisfy { Array($0.description)[14] == "4" && "89ab".contains(Array($0.description)[19]) })
        #expect(Set(ids).count == ids.count)
    }

    @Test func theOrderIsThatOfTheCanonicalForms() {
        let ids = (0..<200).map { _ in UniqueID.random() }

        #expect(ids.sorted().map(\.description) == ids.map(\.description).sorted())
    }

    @Test func idsOfDifferentKindsKeepTheValue() throws {
        let thing = try #require(Thing.ID(Self.canonical))

        #expect(thing.description == Self.canonical)
        #expect(Account.ID(thing.value).tenant.value == thing.value)
    }
}
