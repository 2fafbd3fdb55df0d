import FluxgateClient
import Messaging
import Model
import Testing

@Suite struct MessageTargetTests {
    private let variables = ClientVariables(["MF_THING_KEY": "key-number-1"])

    private func target(
        via: MessageTransport? = nil,
        _ url: String? = nil,
        _ variables: ClientVariables? = nil
    ) throws -> MessageTarget {
        try MessageTarget(
            channel: try #require(ChannelID("8F2ab4c2-6d0d-4c5f-9a55-6f8f6b0c2d11")),
            via: via,
            address: try url.map { try #require(ServiceAddress($0)) },
            key: nil,
            default: .http,
            variables ?? self.variables
        )
    }

    @Test func theTransportComesFromTheOptionTheAddressOrTheDefault() throws {
        #expect(try target().address == ServiceAddress("http://127.0.0.1:8185"))
        #expect(try target(via: .ws).address == ServiceAddress("ws://127.0.0.1:8186"))
        #expect(try target(via: .mqtt).address == ServiceAddress("mqtt://127.0.0.1:1883"))
        #expect(try target("ws://host:1").transport == .ws)
        #expect(try target("https://host").transport == .http)
        #expect(try target("wss://host").transport == .ws && target("wss://host").address.port == 443)
        #expect(try target("mqtts://host").transport == .mqtt && target("mqtts://host").address.port == 8883)
    }

    @Test func variablesMoveTheDefaults() throws {
        let variables = ClientVariables([
            "MF_THING_KEY": "key-number-1", "MF_FLUXGATE_WS_URL": "ws://other:9", "MF_FLUXGATE_HTTP_URL": "other",
        ])

        #expect(try target(via: .ws, nil, variables).address == ServiceAddress("ws://other:9"))
        #expect { try target(nil, variables) } throws: { error in
            (error as? ClientFailure)?.status == .usage
                && (error as? ClientFailure)?.message.contains("MF_FLUXGATE_HTTP_URL='other'") == true
        }
    }

    @Test func anAddressOfAnotherTransportIsRefused() {
        #expect { try target(via: .ws, "http://host") } throws: { ($0 as? ClientFailure)?.status == .usage }
    }

    @Test(arguments: [[:], ["MF_THING_KEY": ""], ["MF_THING_KEY": "sé-cret-key"]])
    func aKeyIsNeededAndNotRepeated(_ environment: [String: String]) {
        #expect { try target(nil, ClientVariables(environment)) } throws: { error in
            (error as? ClientFailure)?.status == .usage && !"\(error)".contains("sé-cret")
        }
    }

    @Test(arguments: [
        ("", "", ""), ("a/b", "/a/b", "/a/b"), ("é/a%b", "/%C3%A9/a%25b", "/é/a%b"), ("a/*/c", "/a/*/c", "/a/+/c"),
        (">", "/%3E", "/+/#"), ("a.*.>", "/a/*/%3E", "/a/+/+/#"),
    ])
    func aPatternIsWrittenForEachTransport(_ pattern: String, path: String, topic: String) throws {
        let base = "channels/8f2ab4c2-6d0d-4c5f-9a55-6f8f6b0c2d11/messages"
        let filter = try SubtopicFilter(natsStyle: pattern[...])

        #expect(try target().path(filter) == "/\(base)\(path)")
        #expect(try target().topic(filter) == "\(base)\(topic)")
    }

    @Test func whatWasEncodedIsReadBackByTheServersParser() throws {
        let filter = try SubtopicFilter(natsStyle: "ü%/?#a/\u{10FFFD}x/*/>".replacing("#", with: "")[...])
        let path = try #require(try MessagePath(target: try target().path(filter)))

        #expect(try SubtopicFilter(natsStyle: try path.rest.get()[...]) == filter)
    }

    @Test(arguments: [
        ("http://host", "http://host:80"), ("HTTPS://Host:1/a/b//", "https://Host:1/a/b"),
        ("ws://[::1]:9", "ws://[::1]:9"),
        ("mqtt://host", "mqtt://host:1883"),
    ])
    func readsAddresses(_ text: String, expected: String) {
        #expect(ServiceAddress(text)?.description == expected)
    }

    @Test(arguments: [
        "", "host", "host:80", "ftp://host", "http://", "http://:80", "http://host:0", "http://host:65536",
        "http://host:99999999999999999999", "http://user@host", "http://user:password@host", "http://host?a=b",
        "http://host#a", "http://ho st", "http://host%0d%0a", "wsss://host", "http://host:", "http://host:x",
        "http:host", "http:/host",
    ])
    func refusesWhatIsNoAddress(_ text: String) {
        #expect(ServiceAddress(text) == nil)
    }

    @Test func anIPv6AddressHasNoBrackets() {
        #expect(ServiceAddress("http://[::1]:8185")?.host == "::1")
    }
}
