import FluxgateClient
import Foundation
import Model
import NIOCore
import Testing

@Suite struct TextTests {
    @Test func theProgressBarFills() {
        let bar = ProgressBar(total: 1_000)

        #expect(bar.line(0) == "[------------------------------]   0%  0/1000")
        #expect(bar.line(500) == "[###############---------------]  50%  500/1000")
        #expect(bar.line(999) == "[#############################-]  99%  999/1000")
        #expect(bar.line(1_000) == "[##############################] 100%  1000/1000")
    }

    @Test func theProgressBarSurvivesNonsense() {
        #expect(ProgressBar(total: 0).line(0).contains("100%"))
        #expect(ProgressBar(total: 2).line(9).contains("100%"))
        #expect(ProgressBar(total: 2).line(-9).contains("  0%"))
    }

    @Test func aPasswordIsTypedAndCorrected() {
        var line = PasswordLine()
        for byte in "xé\u{7F}y\u{15}pa\u{8}\u{8}\u{8}gé".utf8 { #expect(line.type(byte) == .more) }

        #expect(line.type(0x0D) == .done)
        #expect(line.text == "gé")
    }

    @Test func ctrlCInterruptsThePassword() {
        var line = PasswordLine()

        #expect(line.type(0x03) == .interrupted)
    }

    @Test func aPasswordIsBounded() {
        var line = PasswordLine()
        for _ in 0..<10_000 { _ = line.type(0x61) }

        #expect(line.text?.utf8.count == PasswordLine.maximumLength)
    }

    private func made() throws -> Provisioned {
        var made = Provisioned()
        let id = try #require(Thing.ID("00000000-0000-4000-8000-000000000001"))
        let channel = try #require(Channel.ID("00000000-0000-4000-8000-000000000002"))
        let key = try #require(ThingKey("key/number-1"))
        made.things = [.init(id: id, name: "thermo\u{1B}meter", key: key)]
        made.channels = [.init(id: channel, name: "c")]
        made.connections = 2
        return made
    }

    @Test func theTableHasNameIDAndKey() throws {
        var table = ""
        try ProvisionReport.table(try made()) { table += $0 }

        #expect(
            table == """
                THING         ID                                    KEY
                thermo\u{FFFD}meter  00000000-0000-4000-8000-000000000001  key/number-1

                CHANNEL       ID
                c             00000000-0000-4000-8000-000000000002

                """
        )
        #expect(try made().summary == "1 thing, 1 channel, 2 connections")
    }

    @Test func theJSONReportIsOneObject() throws {
        #expect(
            try ProvisionReport.json(try made())
                == #"{"channels":[{"id":"00000000-0000-4000-8000-000000000002","name":"c"}],"connections":2,"things":"#
                + #"[{"id":"00000000-0000-4000-8000-000000000001","key":"key/number-1","name":"thermo\u001bmeter"}]}"#
                + "\n"
        )
    }

    @Test func aReceivedMessageIsPrintedAsItCame() throws {
        let bytes = ByteBuffer(bytes: [0xFF, 0x00, 0x0A])

        #expect(ReceivedMessage(payload: bytes, received: Date()).raw == ByteBuffer(bytes: [0xFF, 0x00, 0x0A, 0x0A]))
    }

    @Test func aReceivedMessageIsAJSONObjectALine() throws {
        let time = Date(timeIntervalSince1970: 1.5)
        let text = ReceivedMessage(payload: ByteBuffer(string: "a\n\"/é\""), received: time)
        let bytes = ReceivedMessage(payload: ByteBuffer(bytes: [0xFF]), received: time)

        #expect(
            try String(buffer: text.json())
                == #"{"payload":"a\n\"/é\"","received":"1970-01-01T00:00:01.500Z"}"# + "\n"
        )
        #expect(
            try String(buffer: bytes.json())
                == #"{"encoding":"base64","payload":"/w==","received":"1970-01-01T00:00:01.500Z"}"# + "\n"
        )
    }
}
