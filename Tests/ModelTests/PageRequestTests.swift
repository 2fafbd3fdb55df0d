import Model
import Testing

@Suite struct PageRequestTests {
    @Test(arguments: [0, -1, 101, .min, .max])
    func hasOneToAHundredItems(_ limit: Int) {
        #expect((1...100).contains(PageRequest(limit: limit).limit))
    }

    @Test func beginsAtTheBeginningAtTheEarliest() {
        #expect(PageRequest(offset: .min) == PageRequest(offset: 0, limit: 10))
        #expect(PageRequest(offset: .max, limit: 7).offset == .max)
    }
}
