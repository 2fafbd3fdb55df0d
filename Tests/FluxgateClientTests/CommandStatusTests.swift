import FluxgateClient
import Testing

@Suite struct CommandStatusTests {
    @Test(arguments: [
        (200, CommandStatus.success), (202, .success), (400, .badInput), (409, .badInput), (413, .badInput),
        (422, .badInput), (401, .notAuthorized), (403, .notAuthorized), (408, .unavailable), (429, .unavailable),
        (500, .unavailable), (503, .unavailable), (302, .protocolError), (404, .protocolError), (405, .protocolError),
        (0, .protocolError),
    ])
    func everyHTTPStatusHasAMeaning(_ status: Int, expected: CommandStatus) {
        #expect(CommandStatus(httpStatus: status) == expected)
    }

    @Test(arguments: [
        (1000, CommandStatus.success), (1001, .unavailable), (1002, .protocolError), (1005, .unavailable),
        (1007, .badInput), (1008, .notAuthorized), (1009, .badInput), (1013, .unavailable), (4_000, .protocolError),
    ])
    func everyCloseCodeHasAMeaning(_ code: Int, expected: CommandStatus) {
        #expect(CommandStatus(closeCode: UInt16(code)) == expected)
    }

    @Test func theHelpListsEveryCode() {
        for status in CommandStatus.allCases {
            #expect(CommandStatus.help.contains(" \(status.rawValue)  \(status.meaning)"))
        }
        #expect(CommandStatus.allCases.map(\.rawValue) == [0, 1, 64, 65, 69, 76, 77, 130])
    }

    @Test func whatOthersSentCannotControlTheTerminal() {
        let failure = ClientFailure("Sending", httpStatus: 400, detail: "a\u{1B}[2Jb\r\nc\u{202E}d")

        #expect(failure.message == "Sending: the server answered 400: a\u{FFFD}[2Jb\u{FFFD}\u{FFFD}c\u{FFFD}d.")
    }

    @Test func aCloseThatWasNotAskedForIsAFailure() {
        #expect(ClientFailure("Watching", closeCode: 1000, reason: "").status == .unavailable)
        #expect(ClientFailure("Watching", closeCode: 1008, reason: "gone").message.contains("1008: gone"))
    }
}
