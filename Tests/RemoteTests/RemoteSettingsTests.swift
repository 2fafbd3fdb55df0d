import Bootstrap
import Model
import NATSBus
import RPCSupport
import RemoteSettings
import TestSupport
import Testing

@Suite struct RPCTargetTests {
    @Test(arguments: [
        ("localhost:8181", "localhost", 8181), ("10.0.0.1:1", "10.0.0.1", 1), ("[::1]:65535", "::1", 65_535),
    ])
    func aTargetIsAHostAndAPort(text: String, host: String, port: Int) {
        #expect(RPCTarget(text) == RPCTarget(host: host, port: port))
    }

    @Test(arguments: [
        "", ":1", "host", "host:", "host:0", "host:65536", "host:x", "http://host:1", "a b:1", "::1:80", "u@h:1",
    ])
    func whatIsNoneIsSeen(text: String) {
        #expect(RPCTarget(text) == nil)
    }
}

@Suite struct RemoteSettingsTests {
    private let authority: TestAuthority

    init() throws { authority = try TestAuthority(TemporaryFolder()) }

    private func rpc(_ variables: [String: String]) throws -> RPCSettings {
        try RPCSettings(Variables(variables), service: "THINGS", port: 8183, prefix: "MF_HTTP_ADAPTER")
    }

    private func error(_ body: () throws -> Void) -> String? {
        do { try body() } catch let error as ConfigurationError { return error.variable } catch {}
        return nil
    }

    @Test func anAuthorityAloneTurnsTLSOn() throws {
        #expect(try rpc([:]).trust == .plain)
        #expect(try rpc([:]).target == RPCTarget(host: "localhost", port: 8183))
        #expect(try rpc(["MF_HTTP_ADAPTER_CA_CERTS": authority.path]).trust == .authorities(authority.path))
        #expect(try rpc(["MF_HTTP_ADAPTER_CLIENT_TLS": "true"]).trust == .authorities(nil))
    }

    @Test func whatContradictsItselfIsRefused() {
        let both = ["MF_HTTP_ADAPTER_CA_CERTS": authority.path, "MF_HTTP_ADAPTER_CLIENT_TLS": "false"]
        #expect(error { _ = try rpc(both) } == "MF_HTTP_ADAPTER_CLIENT_TLS")
        #expect(error { _ = try rpc(["MF_HTTP_ADAPTER_CA_CERTS": "/nowhere"]) } == "MF_HTTP_ADAPTER_CA_CERTS")
        #expect(error { _ = try rpc(["MF_THINGS_URL": "http://x"]) } == "MF_THINGS_URL")
    }

    @Test func aTimeoutWithoutAUnitIsInSeconds() throws {
        #expect(try rpc([:]).timeout == .seconds(1))
        #expect(try rpc(["MF_HTTP_ADAPTER_THINGS_TIMEOUT": "3"]).timeout == .seconds(3))
        #expect(try rpc(["MF_HTTP_ADAPTER_THINGS_TIMEOUT": "250ms"]).timeout == .milliseconds(250))
        #expect(error { _ = try rpc(["MF_HTTP_ADAPTER_THINGS_TIMEOUT": "soon"]) } == "MF_HTTP_ADAPTER_THINGS_TIMEOUT")
    }

    @Test func theBusIsNamedWithoutItsSecrets() throws {
        let variables = Variables(["MF_NATS_URL": "nats://me:hush@one:4222,tls://two"])
        let settings = try NATSConfiguration(variables, name: "test")
        #expect(settings.summary == "nats://one:4222,tls://two:4222")
        let shown = variables.effective.first { $0.name == "MF_NATS_URL" }?.value
        #expect(shown == "nats://(hidden)@one:4222,tls://two")
    }

    @Test(arguments: ["localhost:4222", "http://localhost", "nats://", ","])
    func anAddressThatIsNoneIsRefusedAndNotShown(address: String) {
        do {
            _ = try NATSConfiguration(Variables(["MF_NATS_URL": address]), name: "test")
            Issue.record("accepted")
        } catch {
            #expect(error.variable == "MF_NATS_URL")
        }
    }
}
