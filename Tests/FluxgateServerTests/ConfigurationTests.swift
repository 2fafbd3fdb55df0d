import AdapterTransport
import Bootstrap
import FluxgateClient
import Foundation
import HTTPSupport
import MQTTAdapter
import TLSSupport
import Testing

@testable import FluxgateServer

@Suite struct ConfigurationDocumentTests {
    /// One row of a table of variables.
    private struct Row: Hashable, CustomStringConvertible {
        let name: String
        let type: String
        /// Empty for none.
        let defaultValue: String

        var description: String { "\(name) | \(type) | \(defaultValue)" }
    }

    private func documented() throws -> [Row] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/configuration.md"), encoding: .utf8)
        return text.split(separator: "\n").filter { $0.hasPrefix("| `MF_") }.map { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces).replacing("`", with: "") }
            return Row(name: cells[1], type: cells[2], defaultValue: cells[3])
        }
    }

    private func read() throws -> [Row] {
        let variables = Variables([:])
        _ = try PlatformConfiguration(variables, cores: 3)
        _ = ClientVariables(variables)
        return variables.entries.map { Row(name: $0.name, type: $0.type, defaultValue: $0.defaultValue ?? "") }
    }

    @Test func theDocumentListsWhatIsRead() throws {
        let (documented, read) = (try documented(), try read())

        #expect(!read.isEmpty)
        #expect(Set(documented.map(\.name)).count == documented.count, "a variable is listed twice")
        // What only the separate programs read stands there too; what they print of themselves is held to it.
        #expect(Set(documented.map(\.name)).isSuperset(of: read.map(\.name)))
    }

    @Test func theDocumentSaysTypeAndDefaultOfEach() throws {
        let (documented, read) = (try documented(), try read())

        for row in read where row.type != "secret" { #expect(documented.contains(row), "\(row)") }
        // What a secret is without a value is told in words.
        for row in read where row.type == "secret" {
            #expect(documented.contains { $0.name == row.name && $0.type == row.type }, "\(row)")
        }
    }
}

@Suite struct PlatformConfigurationTests {
    private func configuration(_ environment: [String: String]) throws -> PlatformConfiguration {
        try PlatformConfiguration(Variables(environment), cores: 3)
    }

    private let open = ["MF_ENV": "development", "MF_MQTT_ADAPTER_OPEN_TOPICS": "true"]

    @Test func topicsAreOpenedForConformanceSuitesAlone() throws {
        #expect(try configuration([:]).deniedOpenTopics == nil)
        #expect(try configuration(open).deniedOpenTopics == [])
        let denied = ["MF_MQTT_ADAPTER_OPEN_TOPICS_DENY": "a/b,c d"]
        #expect(try configuration(open.merging(denied) { $1 }).deniedOpenTopics == ["a/b", "c d"])
        #expect(try configuration(denied).deniedOpenTopics == nil)
    }

    @Test(arguments: [
        ["MF_ENV": "production"], ["MF_HOST": "0.0.0.0"], ["MF_MQTT_ADAPTER_HOST": "192.0.2.1"],
    ])
    func topicsAreOpenedOnTheLoopbackAddressAndInDevelopmentAlone(variables: [String: String]) {
        #expect(throws: ConfigurationError.self) { try configuration(open.merging(variables) { $1 }) }
    }

    @Test(arguments: ["", "10.0.0.1", "10.0.0.0/8, fd00::/8 ,192.0.2.7", "0.0.0.0/0"])
    func trustedProxiesAreAddressesOrNetworks(text: String) throws {
        let configuration = try configuration(["MF_USERS_TRUSTED_PROXIES": text])

        #expect((configuration.usersProxies == .none) == text.isEmpty)
    }

    @Test(arguments: [
        ",", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.1,", "::/129", "1.2.3", "::1%lo",
    ])
    func whatIsNoAddressIsNamed(text: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try configuration(["MF_USERS_TRUSTED_PROXIES": text])
        }
        #expect(error?.description.hasPrefix("MF_USERS_TRUSTED_PROXIES='\(text)': expected addresses") == true)
    }

    @Test func oneHostIsForAllListenersThatHaveNoneOfTheirOwn() throws {
        let configuration = try configuration(["MF_HOST": "0.0.0.0", "MF_WS_ADAPTER_HOST": "::1"])

        #expect(configuration.users.http.description == "0.0.0.0:8180")
        #expect(configuration.wsAdapter.address.description == "[::1]:8186")
        #expect(configuration.mqttAdapter.webSocket.description == "0.0.0.0:8880")
        #expect(configuration.program.ops.host == "127.0.0.1" && configuration.things.authHTTP.host == "127.0.0.1")
    }

    @Test(arguments: ["users", "Things", "SECRET", "mainflux", "changeme"])
    func aSecretThatEverybodyKnowsIsRefusedInProduction(secret: String) throws {
        for name in ["MF_USERS_SECRET", "MF_THINGS_SECRET"] {
            #expect(throws: ConfigurationError.self) { try configuration([name: secret]) }
            #expect(throws: Never.self) { try configuration([name: secret, "MF_ENV": "development"]) }
        }
    }

    @Test func limitsAreSwitchedOffInDevelopmentOnly() throws {
        #expect(throws: ConfigurationError.self) { try configuration(["MF_LIMITS_OFF": "true"]) }
        #expect(try configuration(["MF_LIMITS_OFF": "true", "MF_ENV": "development"]).users.limitsOff)
        #expect(try !configuration([:]).users.limitsOff)
    }

    @Test func theLogLevelsOfTheServicesFollowTheCommonOne() throws {
        let configuration = try configuration(["MF_LOG_LEVEL": "debug", "MF_THINGS_LOG_LEVEL": "error"])

        #expect(configuration.users.logLevel == .debug && configuration.things.logLevel == .error)
    }

    @Test func aBadValueIsNamed() {
        let error = #expect(throws: ConfigurationError.self) { try configuration(["MF_HTTP_ADAPTER_PORT": "http"]) }

        #expect(error?.variable == "MF_HTTP_ADAPTER_PORT")
        #expect(error?.description.contains("'http'") == true)
    }
}
