import SQL
import Testing

@Suite struct SQLParametersTests {
    private struct Place: Equatable {
        let offset: Int
        let number: Int
    }

    private func places(_ sql: String) -> [Place] {
        var places: [Place] = []
        SQLParameters.forEach(in: sql) { places.append(Place(offset: $0, number: $1)) }
        return places
    }

    @Test func eachIsFoundWithItsNumber() {
        #expect(
            places("SELECT $1,$12 + $1") == [
                .init(offset: 7, number: 1), .init(offset: 10, number: 12), .init(offset: 16, number: 1),
            ]
        )
        #expect(places("$2$3") == [.init(offset: 0, number: 2), .init(offset: 2, number: 3)])
        #expect(places("ä$1") == [.init(offset: 2, number: 1)])
    }

    @Test(arguments: ["", "$", "$$", "$a", "1", "'$1'", "'it''s $1'", "'$1"])
    func whatIsQuotedOrHasNoNumberIsNone(sql: String) {
        #expect(places(sql).isEmpty)
        #expect(SQLParameters.highest(in: sql) == 0)
    }

    @Test func theHighestCountsWhereverItStands() {
        #expect(SQLParameters.highest(in: "$2 '$9' $3 $1") == 3)
    }

    @Test func aNumberWithoutEndIsNoTrap() {
        #expect(SQLParameters.highest(in: "$" + String(repeating: "9", count: 100)) >= 100_000)
    }
}
