import AdapterTransport
import Bootstrap
import Foundation
import MQTTAdapter
import TLSSupport
import TestSupport
import Testing

@testable import FluxgateServer

@Suite struct TLSConfigurationTests {
    private let folder: TemporaryFolder
    private let authority: TestAuthority
    private let pair: TestAuthority.Pair

    init() throws {
        folder = try TemporaryFolder()
        authority = try TestAuthority(folder)
        pair = try authority.sign(["localhost"], purpose: .server)
    }

    private static let services = ["MF_USERS", "MF_THINGS", "MF_FLUXGATE_OPS"]
    private static let adapters = ["MF_HTTP_ADAPTER", "MF_WS_ADAPTER", "MF_MQTT_ADAPTER"]

    private func pairs(_ prefixes: [String]) -> [String: String] {
        prefixes.reduce(into: [:]) { variables, prefix in
            variables["\(prefix)_SERVER_CERT"] = pair.certificatePath
            variables["\(prefix)_SERVER_KEY"] = pair.keyPath
        }
    }

    private func configuration(_ variables: [String: String]) throws -> PlatformConfiguration {
        try PlatformConfiguration(Variables(variables), cores: 2)
    }

    private func error(_ variables: [String: String]) -> ConfigurationError? {
        #expect(throws: ConfigurationError.self) { try configuration(variables) }
    }

    @Test func withoutVariablesEverythingIsPlain() throws {
        let configuration = try configuration([:])

        #expect(
            configuration.httpAdapter.tls == nil && configuration.users.tls == nil && configuration.warnings.isEmpty
        )
        #expect(configuration.mqttAdapter.plain?.port == 1883 && configuration.mqttAdapter.secure == nil)
    }

    @Test(arguments: adapters)
    func halfAPairOfAnAdapterIsNamed(prefix: String) {
        let (certificate, key) = ("\(prefix)_SERVER_CERT", "\(prefix)_SERVER_KEY")

        #expect(error([certificate: pair.certificatePath])?.variable == key)
        #expect(error([key: pair.keyPath])?.variable == certificate)
        #expect(error(["\(prefix)_CLIENT_CA_CERTS": authority.path])?.variable == certificate)
    }

    @Test(arguments: services)
    func halfAPairOfAServiceIsAWarning(prefix: String) throws {
        let configuration = try configuration(["\(prefix)_SERVER_CERT": pair.certificatePath])

        #expect(
            configuration.users.tls == nil && configuration.things.tls == nil && configuration.program.opsTLS == nil
        )
        #expect(
            configuration.warnings == [
                "\(prefix)_SERVER_CERT without \(prefix)_SERVER_KEY: this listener stays plain"
            ]
        )
        #expect(error(["\(prefix)_SERVER_CERT": pair.certificatePath, "MF_REQUIRE_TLS": "true"]) != nil)
    }

    @Test(arguments: services + adapters)
    func aFileThatCannotBeUsedIsNamedWithItsVariable(prefix: String) throws {
        let text = error(pairs([prefix]).merging(["\(prefix)_SERVER_KEY": "/nowhere"]) { $1 })?.description

        #expect(text == "\(prefix)_SERVER_KEY: /nowhere can't be read")
    }

    @Test func mqttIsPlainTooUnlessClientsMustShowACertificate() throws {
        let mqtt = pairs(["MF_MQTT_ADAPTER"])
        let mutual = mqtt.merging(["MF_MQTT_ADAPTER_CLIENT_CA_CERTS": authority.path]) { $1 }

        #expect(try configuration(mqtt).mqttAdapter.plain?.port == 1883)
        #expect(try configuration(mqtt).mqttAdapter.secure?.port == 8883)
        #expect(try configuration(mutual).mqttAdapter.plain == nil)
        let both = mutual.merging(["MF_MQTT_ADAPTER_PLAIN": "true"]) { $1 }
        #expect(try configuration(both).mqttAdapter.plain?.port == 1883)
        let warning = "MF_MQTT_ADAPTER_PLAIN: over it things do without a certificate"
        #expect(try configuration(both).warnings.contains(warning))
        #expect(try !configuration(mutual).warnings.contains(warning))
        let neither = mqtt.merging(["MF_MQTT_ADAPTER_PLAIN": "false"]) { $1 }
        #expect(try configuration(neither).mqttAdapter.plain == nil)
        #expect(error(["MF_MQTT_ADAPTER_PLAIN": "false"])?.variable == "MF_MQTT_ADAPTER_PLAIN")
    }

    @Test func whereTLSIsRequiredNothingPlainIsOpened() throws {
        let all = pairs(Self.services + Self.adapters).merging(["MF_REQUIRE_TLS": "true"]) { $1 }

        #expect(try configuration(all).mqttAdapter.plain == nil)
        #expect(error(all.merging(["MF_MQTT_ADAPTER_PLAIN": "true"]) { $1 })?.variable == "MF_MQTT_ADAPTER_PLAIN")
        for prefix in Self.services + Self.adapters {
            let without = all.filter { !$0.key.hasPrefix(prefix + "_SERVER") }
            #expect(error(without)?.description.contains(prefix) == true)
        }
    }

    @Test func oneOldFileIsToldOfOnce() throws {
        let old = try authority.sign(["localhost"], purpose: .server, validity: -100 ... -10)
        var variables = pairs(Self.services)
        for name in variables.keys where name.hasSuffix("CERT") { variables[name] = old.certificatePath }
        for name in variables.keys where name.hasSuffix("KEY") { variables[name] = old.keyPath }

        #expect(try configuration(variables).warnings == ["\(old.certificatePath): a certificate has expired"])
    }

    // MARK: Proxies

    private func proxied(_ prefix: String, by authority: TestAuthority) -> [String: String] {
        pairs([prefix]).merging([
            "\(prefix)_CLIENT_CA_CERTS": self.authority.path, "\(prefix)_PROXY_CA_CERTS": authority.path,
            "\(prefix)_TRUSTED_PROXIES": "edge, other edge",
        ]) { $1 }
    }

    @Test(arguments: adapters)
    func proxiesNeedAuthoritiesNamesAndCertificatesOfThings(prefix: String) throws {
        let whole = proxied(prefix, by: try TestAuthority(folder, name: "Proxies"))
        #expect(try configuration(whole).warnings.contains { $0.contains("expires in 0 days") })
        for (missing, named) in [
            ("PROXY_CA_CERTS", "PROXY_CA_CERTS"), ("TRUSTED_PROXIES", "TRUSTED_PROXIES"),
            ("CLIENT_CA_CERTS", "CLIENT_CA_CERTS"), ("SERVER_CERT", "SERVER_CERT"), ("SERVER_KEY", "SERVER_KEY"),
        ] {
            #expect(error(whole.filter { $0.key != "\(prefix)_\(missing)" })?.variable == "\(prefix)_\(named)")
        }
        for names in [",", "edge,", " ", "edge,,other"] {
            #expect(
                error(whole.merging(["\(prefix)_TRUSTED_PROXIES": names]) { $1 })?.variable.hasSuffix("PROXIES") == true
            )
        }
        let pair = whole.filter { !$0.key.contains("_SERVER_") }
        #expect(error(pair)?.variable == "\(prefix)_SERVER_CERT")
    }

    @Test(arguments: adapters)
    func authoritiesOfProxiesThatCannotBeUsedAreNamed(prefix: String) {
        let name = "\(prefix)_PROXY_CA_CERTS"
        let missing = proxied(prefix, by: authority).merging([name: "/nowhere"]) { $1 }

        #expect(error(missing)?.description == "\(name): /nowhere can't be read")
        #expect(error(proxied(prefix, by: authority))?.description.contains("has an authority in common with") == true)
    }
}
