import ArgumentParser
import FluxgateClient
import Messaging
import Model
import Testing

@Suite struct ArgumentTests {
    private static let id = "8f2ab4c2-6d0d-4c5f-9a55-6f8f6b0c2d11"

    @Test func provisionTakesItsOptions() throws {
        let command = try ProvisionCommand.parse([
            "devices.csv", "--email", "jane@example.com", "--register", "--json", "--things-url", "https://host/api/",
        ])

        #expect(command.file == "devices.csv")
        #expect(command.email == "jane@example.com")
        #expect(command.register && command.json)
        #expect(command.thingsURL == ServiceAddress("https://host:443/api"))
    }

    @Test(arguments: [
        [], ["devices.txt"], ["a.csv", "--email", "e", "--token", "t"], ["a.csv", "--register"],
        ["a.csv", "--token", "a b"], ["a.csv", "--users-url", "ws://host"], ["a.csv", "b.csv"],
    ])
    func provisionRefuses(_ arguments: [String]) {
        #expect { try ProvisionCommand.parse(arguments) } throws: { ProvisionCommand.exitCode(for: $0).rawValue == 64 }
    }

    @Test func sendTakesItsOptions() throws {
        let command = try MessagesSendCommand.parse([
            "--channel", Self.id, "--subtopic", "a/b", "--via", "mqtt", "--timeout", "500ms", "--key", "key-number-1",
            "--", "-1",
        ])

        #expect(command.options.channel == ChannelID(Self.id))
        #expect(command.options.key == Secret("key-number-1"))
        #expect(command.subtopic.dotted == "a.b")
        #expect(command.via == .mqtt)
        #expect(command.contentType == "application/senml+json")
        #expect(command.timeout == .milliseconds(500))
        #expect(command.payload == "-1")
    }

    @Test(arguments: [
        ["--subtopic", "a/>"], ["--subtopic", "a b"], ["--via", "coap"], ["--timeout", "0s"], ["--timeout", "soon"],
        ["--key", "short"], ["--url", "localhost"], ["--content-type", "a\r\nb: c"],
    ])
    func sendRefuses(_ arguments: [String]) {
        #expect {
            try MessagesSendCommand.parse(["--channel", Self.id, "payload"] + arguments)
        } throws: {
            MessagesSendCommand.exitCode(for: $0).rawValue == 64
        }
    }

    @Test func aChannelIsAUUID() {
        #expect(throws: (any Error).self) { try MessagesSendCommand.parse(["--channel", "kitchen", "payload"]) }
    }

    @Test func watchTakesItsOptions() throws {
        let command = try MessagesWatchCommand.parse([
            "--channel", Self.id, "--subtopic", "roof/>", "--count", "2", "--timeout", "10s", "--json",
        ])

        #expect(command.subtopic == SubtopicFilter(levels: [.literal("roof")], tail: .below))
        #expect(command.count == 2)
        #expect(command.timeout == .seconds(10))
        #expect(command.json)
    }

    @Test(arguments: [
        ["--count", "0"], ["--count", "-1"], ["--via", "http"], ["--url", "http://host"], ["--subtopic", ">/a"],
        ["extra"],
    ])
    func watchRefuses(_ arguments: [String]) {
        #expect {
            try MessagesWatchCommand.parse(["--channel", Self.id] + arguments)
        } throws: {
            MessagesWatchCommand.exitCode(for: $0).rawValue == 64
        }
    }

    @Test func anErrorDoesNotRepeatAKey() {
        #expect {
            try MessagesSendCommand.parse(["--channel", Self.id, "--key", "sé-cret", "payload"])
        } throws: {
            !MessagesSendCommand.fullMessage(for: $0).contains("sé-cret")
        }
    }

    @Test func anErrorDoesNotRepeatAToken() {
        #expect {
            try ProvisionCommand.parse(["a.csv", "--token", "sé-cret"])
        } throws: {
            !ProvisionCommand.fullMessage(for: $0).contains("sé-cret")
        }
    }

    @Test func everyHelpHasExamplesAndExitCodes() {
        for help in [
            ProvisionCommand.helpMessage(), MessagesCommand.helpMessage(), MessagesSendCommand.helpMessage(),
            MessagesWatchCommand.helpMessage(),
        ] {
            #expect(help.contains("EXAMPLES"))
            #expect(help.contains("EXIT CODES"))
        }
    }
}
