package import Messaging
package import Model

/// A channel at a service, and the key of the thing that uses it.
package struct MessageTarget: Sendable {
    package let transport: MessageTransport
    package let address: ServiceAddress
    package let channel: ChannelID
    /// Nil if the certificate alone says who it is.
    package let key: ThingKey?
    package let tls: ClientTLS

    /// - Parameters:
    ///   - via: the transport that was asked for; without one the address decides, and without that, the default.
    ///   - variables: where what isn't given on the command line comes from.
    package init(
        channel: ChannelID,
        via: MessageTransport?,
        address: ServiceAddress?,
        key: ThingKey?,
        tls: ClientTLS = .standard,
        default defaultTransport: MessageTransport,
        _ variables: ClientVariables
    ) throws(ClientFailure) {
        let transport = via ?? address.map { MessageTransport($0.scheme) } ?? defaultTransport
        let text = transport.defaultURL(variables)
        guard let target = address ?? ServiceAddress(text) else {
            throw ClientFailure(
                .usage,
                "\(transport.variable)='\(text)': expected an address as http://127.0.0.1:8185."
            )
        }
        guard MessageTransport(target.scheme) == transport else {
            throw ClientFailure(.usage, "\(target) is no address for \(transport.rawValue).")
        }
        self.transport = transport
        self.address = target
        self.channel = channel
        self.tls = tls
        if let key { self.key = key } else { self.key = try Self.key(variables, tls) }
    }

    private static func key(_ variables: ClientVariables, _ tls: ClientTLS) throws(ClientFailure) -> ThingKey? {
        guard let text = variables.thingKey else {
            if tls.showsCertificate { return nil }
            throw ClientFailure(.usage, "Give the thing's key in MF_THING_KEY.")
        }
        guard let key = ThingKey(text.revealed) else {
            throw ClientFailure(.usage, "MF_THING_KEY holds no key: one is 8 to 256 printable ASCII characters.")
        }
        return key
    }
}

extension MessageTarget {
    /// The path of HTTP and WebSocket requests to a subtopic or with its wildcards.
    package func path(_ filter: SubtopicFilter) -> String {
        levels(filter, single: "*", below: "%3E", belowAndSelf: "%3E", escaped: true)
            .reduce("/channels/\(channel)/messages") { $0 + "/" + $1 }
    }

    /// The MQTT topic or filter. `+/#` is everything below a level without the level itself, as `>` is.
    package func topic(_ filter: SubtopicFilter) -> String {
        levels(filter, single: "+", below: "+/#", belowAndSelf: "#", escaped: false)
            .reduce("channels/\(channel)/messages") { $0 + "/" + $1 }
    }

    private func levels(
        _ filter: SubtopicFilter,
        single: String,
        below: String,
        belowAndSelf: String,
        escaped: Bool
    ) -> [String] {
        var levels = filter.levels.map { level in
            switch level {
            case .any: single
            case .literal(let text): escaped ? text.text.percentEncoded : text.text
            }
        }
        switch filter.tail {
        case .exact: break
        case .below: levels.append(below)
        case .belowAndSelf: levels.append(belowAndSelf)
        }
        return levels
    }
}

extension String {
    /// With everything escaped that isn't unreserved (RFC 3986 section 2.3).
    package var percentEncoded: String {
        utf8.reduce(into: "") { text, byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                text += "%" + [byte].hexadecimal.uppercased()
            }
        }
    }
}
