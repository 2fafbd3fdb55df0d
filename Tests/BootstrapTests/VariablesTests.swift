import Model
import Synchronization
import Testing

@testable import Bootstrap

@Suite struct VariablesTests {
    private enum Colour: String, CaseIterable {
        case red, green
    }

    private func variables(_ value: String?) -> Variables { Variables(value.map { ["MF_X": $0] } ?? [:]) }

    /// What the error of a bad value says.
    private func complaint(_ value: String, _ read: (Variables) throws -> Void) -> String? {
        do {
            try read(variables(value))
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [String?.none, ""])
    func whatIsUnsetOrEmptyHasItsDefault(value: String?) throws {
        let variables = variables(value)

        #expect(variables.string("MF_X", default: "a") == "a")
        #expect(variables.optionalString("MF_X") == nil)
        #expect(variables.secret("MF_X") == nil)
        #expect(try variables.integer("MF_X", default: 7, in: 1...9) == 7)
        #expect(try variables.optionalInteger("MF_X") == nil)
        #expect(try variables.port("MF_X", default: 80) == 80)
        #expect(try variables.bool("MF_X", default: true))
        #expect(try variables.duration("MF_X", default: "2s") == .seconds(2))
        #expect(try variables.choice("MF_X", default: Colour.green) == .green)
    }

    @Test func textIsTakenAsItIs() {
        #expect(variables(" a=b,c ").string("MF_X", default: "") == " a=b,c ")
        #expect(variables("a").optionalString("MF_X") == "a")
    }

    @Test func aSecretDoesNotShow() {
        let secret = variables("very secret").secret("MF_X")

        #expect(secret?.revealed == "very secret")
        #expect(!"\(String(describing: secret))".contains("very"))
    }

    @Test(arguments: [("1", 1), ("9", 9), ("+5", 5), ("007", 7)])
    func readsWholeNumbers(text: String, number: Int) throws {
        #expect(try variables(text).integer("MF_X", default: 2, in: 1...9) == number)
    }

    @Test(arguments: ["0", "10", "-1", "1.0", "1e0", " 1", "1 ", "0x1", "a", "٣", "99999999999999999999"])
    func refusesWhatIsNoWholeNumberInRange(text: String) {
        let complaint = complaint(text) { _ = try $0.integer("MF_X", default: 2, in: 1...9) }

        #expect(complaint?.contains("MF_X='\(text)'") == true)
        #expect(complaint?.contains("1 to 9") == true)
    }

    @Test(arguments: [("off", nil), ("OFF", nil), ("1", 1), ("1000000000", 1_000_000_000)])
    func readsAWholeNumberOrOff(text: String, number: Int?) throws {
        #expect(try variables(text).optionalInteger("MF_X") == number)
    }

    @Test(arguments: ["0", "-1", "1000000001", "1.0", "false", "none", "99999999999999999999"])
    func refusesWhatIsNeitherOffNorAWholeNumberInRange(text: String) {
        let complaint = complaint(text) { _ = try $0.optionalInteger("MF_X") }

        #expect(complaint == "MF_X='\(text)': expected off, or a whole number from 1 to 1000000000")
    }

    @Test(arguments: [("0", 0), ("65535", 65_535)])
    func readsPorts(text: String, port: Int) throws {
        #expect(try variables(text).port("MF_X", default: 1) == port)
    }

    @Test(arguments: ["-1", "65536", "http"])
    func refusesWhatIsNoPort(text: String) {
        #expect(complaint(text) { _ = try $0.port("MF_X", default: 1) }?.contains("MF_X='\(text)'") == true)
    }

    @Test(arguments: [
        ("1", true), ("t", true), ("T", true), ("true", true), ("TRUE", true), ("True", true), ("0", false),
        ("f", false),
        ("false", false), ("FALSE", false),
    ])
    func readsBooleans(text: String, value: Bool) throws {
        #expect(try variables(text).bool("MF_X", default: !value) == value)
    }

    @Test(arguments: ["yes", "no", "2", "on", "truee", " true"])
    func refusesWhatIsNoBoolean(text: String) {
        #expect(complaint(text) { _ = try $0.bool("MF_X", default: true) }?.contains("MF_X='\(text)'") == true)
    }

    @Test func readsAChoiceInAnyLetterCase() throws {
        #expect(try variables("RED").choice("MF_X", default: Colour.green) == .red)
        let complaint = complaint("blue") { _ = try $0.choice("MF_X", default: Colour.green) }

        #expect(complaint == "MF_X='blue': expected one of red, green")
    }

    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("10s", .seconds(10)), ("5m", .seconds(300)), ("1h", .seconds(3_600)),
        ("0s", .zero), ("1000000000ms", .seconds(1_000_000)),
    ])
    func readsDurations(text: String, duration: Duration) {
        #expect(Duration(variable: text) == duration)
    }

    @Test(arguments: [
        "", "10", "s", "ms", "10 s", " 10s", "10s ", "-1s", "+1s", "1.5s", "10S", "10sec", "1d", "1h30m", "٣s",
        "1000000001s",
        "99999999999999999999s",
    ])
    func refusesWhatIsNoDuration(text: String) {
        #expect(Duration(variable: text) == nil)
    }

    @Test(arguments: ["10", "31s", "0s", "9999h"])
    func refusesADurationOutOfRange(text: String) {
        let complaint = complaint(text) {
            _ = try $0.duration("MF_X", default: "10s", in: .seconds(1)...(.seconds(30)))
        }

        #expect(complaint?.contains("MF_X='\(text)'") == true)
    }

    @Test func aDurationInNanosecondsNeverWraps() {
        #expect(Duration.milliseconds(1_500).nanoseconds == 1_500_000_000)
        #expect(Duration.seconds(-1).nanoseconds == 0)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
        #expect(Duration.nanoseconds(1).nanoseconds == 1)
    }

    @Test func whatWasAskedForIsListedOnce() throws {
        let variables = Variables([:])
        _ = variables.string("MF_B", default: "b")
        _ = try variables.integer("MF_A", default: 1, in: 0...2, described: "a few")
        _ = variables.string("MF_B", default: "b")
        _ = variables.secret("MF_C")
        _ = try variables.choice("MF_D", default: Colour.red)

        #expect(
            variables.entries == [
                .init(name: "MF_A", type: "integer", defaultValue: "a few"),
                .init(name: "MF_B", type: "text", defaultValue: "b"),
                .init(name: "MF_C", type: "secret", defaultValue: nil),
                .init(name: "MF_D", type: "red, green", defaultValue: "red"),
            ]
        )
    }

    @Test func whatIsSetAndNotAskedForIsUnknown() {
        let variables = Variables(["MF_TYPO": "1", "MF_KNOWN": "1", "PATH": "/bin", "MF_EMPTY": ""])
        _ = variables.string("MF_KNOWN", default: "")

        #expect(variables.unknown == ["MF_EMPTY", "MF_TYPO"])
    }
}

@Suite struct ReadinessTests {
    @Test func isReadyWhenEveryPartIsUp() {
        let readiness = Readiness(waitingFor: ["b", "a"])
        #expect(readiness.down.map(\.name) == ["a", "b"])
        readiness.isUp("a")
        readiness.isUp("unknown")
        #expect(readiness.down.map(\.name) == ["b"])
        readiness.isUp("b")
        #expect(readiness.down.isEmpty)
    }

    @Test func aDependencyIsAskedEachTime() {
        let outage = Mutex<String?>("refused")
        let readiness = Readiness(waitingFor: [])
        readiness.needs("nats") { outage.withLock { $0 } }
        #expect(readiness.down.map(\.name) == ["nats"])
        #expect(readiness.down.map(\.reason) == ["refused"])
        outage.withLock { $0 = nil }
        #expect(readiness.down.isEmpty)
    }
}
