import HTTPTypes
import NIOCore
import TestSupport
import Testing

@testable import HTTPSupport

/// Who counts as the client of a request that came through proxies.
@Suite struct ProxyNetworksTests {
    private let proxies = ProxyNetworks(["10.0.0.0/8", "192.0.2.7", "fd00::/8"].compactMap { IPNetwork($0) })

    /// - Parameter headers: the lines of `X-Forwarded-For` in their order.
    private func client(_ remote: String, _ headers: String...) throws -> String {
        var fields = HTTPFields()
        for header in headers { fields.append(HTTPField(name: try #require(.init("X-Forwarded-For")), value: header)) }
        return proxies.client(behind: try SocketAddress(ipAddress: remote, port: 1), fields).description
    }

    @Test func whoIsNotTrustedIsTheClientWhateverItSays() throws {
        #expect(try client("203.0.113.9") == "203.0.113.9")
        #expect(try client("203.0.113.9", "198.51.100.1") == "203.0.113.9")
        #expect(try client("192.0.2.8", "198.51.100.1") == "192.0.2.8")
        #expect(ProxyNetworks.none.client(behind: nil, HTTPFields()) == .unknown)
        #expect(proxies.client(behind: try SocketAddress(unixDomainSocketPath: "/a"), HTTPFields()) == .unknown)
    }

    @Test func theFirstFromTheEndThatIsNotTrustedIsTheClient() throws {
        #expect(try client("10.1.2.3", "198.51.100.1") == "198.51.100.1")
        #expect(try client("192.0.2.7", "1.1.1.1, 198.51.100.1") == "198.51.100.1")
        #expect(try client("10.1.2.3", "1.1.1.1, 198.51.100.1, 192.0.2.7,10.9.9.9") == "198.51.100.1")
        #expect(try client("10.1.2.3", "1.1.1.1", "198.51.100.1", "10.4.4.4") == "198.51.100.1")
        #expect(try client("fd00::5", "2001:db8:1:2:3::4") == "2001:db8:1:2::/64")
        #expect(try client("::ffff:10.1.2.3", "198.51.100.1") == "198.51.100.1")
        #expect(try client("10.1.2.3", "::ffff:198.51.100.1") == "198.51.100.1")
    }

    @Test func whereAllAreTrustedTheFarthestIsTheClient() throws {
        #expect(try client("10.1.2.3") == "10.1.2.3")
        #expect(try client("10.1.2.3", "") == "10.1.2.3")
        #expect(try client("10.1.2.3", "10.0.0.1, 10.0.0.2") == "10.0.0.1")
    }

    @Test(arguments: [
        "unknown", "_hidden", "1.2.3", "198.51.100.1:a:b", "[::1", "198.51.100.1 x", "localhost", "::1%eth0",
    ])
    func behindWhatCannotBeReadNobodyIsLookedFor(entry: String) throws {
        #expect(try client("10.1.2.3", "1.1.1.1, \(entry)") == "10.1.2.3")
        #expect(try client("10.1.2.3", "1.1.1.1, \(entry), 10.9.9.9") == "10.9.9.9")
    }

    @Test func portsAndBlanksAreNoPartOfAnAddress() throws {
        for entry in ["198.51.100.1:80", " \t198.51.100.1\t", "[::ffff:198.51.100.1]", "[::ffff:198.51.100.1]:80"] {
            #expect(try client("10.1.2.3", "1.1.1.1,\(entry)") == "198.51.100.1")
        }
        #expect(try client("10.1.2.3", "1.1.1.1,,198.51.100.1,") == "198.51.100.1")
    }

    @Test func theWayIsWalkedForAWhileOnly() throws {
        let way = (0..<1_000).map { "10.0.\($0 / 250).\($0 % 250)" }
        let last = way[way.count - ProxyNetworks.longestWay]

        #expect(try client("10.1.2.3", way.joined(separator: ",")) == last)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.9.9.9/8", "10.1.1.1", true),
        ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false), ("192.0.2.6/31", "192.0.2.7", true),
        ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "1.2.3.4", true),
        ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false), ("::1", "::1", true), ("::1/128", "::2", false),
        ("::ffff:10.0.0.0/104", "10.2.3.4", true), ("2001:db8::/33", "2001:db8:8000::", false),
    ])
    func aNetworkIsWhatBeginsAlike(network: String, address: String, isIn: Bool) throws {
        #expect(try #require(IPNetwork(network)).contains(try #require(IPAddress(address))) == isIn)
    }

    @Test(arguments: [
        "", "/", "/8", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/8/8", "1.2.3.4/+8", "::/129", "a", "1.2.3.4\u{0}",
    ])
    func whatIsNoNetworkIsNone(text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test func noiseMakesNobodyAClientWhoWasNotThere() throws {
        var random = SeededGenerator(seed: 11)
        let characters = Array("0123456789abcdef:.,[] %x")
        for _ in 0..<5_000 {
            let text = String(
                (0..<Int.random(in: 0...60, using: &random)).map { _ in
                    characters[Int.random(in: characters.indices, using: &random)]
                }
            )
            #expect(try client("10.1.2.3", text + ",!") == "10.1.2.3")
        }
    }
}
