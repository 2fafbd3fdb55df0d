package import NIOCore

/// CONNECT (section 3.1): the first packet of a client.
package struct Connect: Equatable, Sendable {
    package var version: MQTTVersion
    /// Clean start, called clean session before MQTT 5.
    package var cleanStart: Bool
    /// Seconds; 0 turns the mechanism off.
    package var keepAlive: UInt16
    /// May be empty; whether that is allowed is for the session to say.
    package var clientID: String
    package var will: Will?
    package var userName: String?
    /// In storage of its own, and never printed.
    package var password: ByteBuffer?
    package var properties: MQTTProperties

    package init(
        version: MQTTVersion,
        clientID: String,
        cleanStart: Bool = true,
        keepAlive: UInt16 = 0,
        will: Will? = nil,
        userName: String? = nil,
        password: ByteBuffer? = nil,
        properties: MQTTProperties = []
    ) {
        self.version = version
        self.clientID = clientID
        self.cleanStart = cleanStart
        self.keepAlive = keepAlive
        self.will = will
        self.userName = userName
        self.password = password
        self.properties = properties
    }
}

extension Connect {
    /// Reads the body; `version` is set as soon as the level is known, so that a refusal can be told in its terms.
    init(from body: inout ByteBuffer, version: inout MQTTVersion?) throws(MQTTCodecError) {
        let agreed = try Self.readVersion(from: &body)
        version = agreed
        let flags = try ConnectFlags(try body.readField(), version: agreed)
        let keepAlive = try body.readField(as: UInt16.self)
        let properties = agreed == .v5 ? try MQTTProperties(from: &body, in: .connect) : []
        guard properties.authenticationData == nil || properties.authenticationMethod != nil else {
            throw .authenticationDataWithoutMethod
        }
        let clientID = try body.readMQTTString()
        let will = flags.hasWill ? try Self.readWill(from: &body, flags: flags, version: agreed) : nil
        // MQTT 3.1 lets the remaining length overrule the two flags.
        let endsEarly = agreed == .v3_1 && body.readableBytes == 0
        let userName = flags.hasUserName && !endsEarly ? try body.readMQTTString() : nil
        let passwordIsMissing = agreed == .v3_1 && body.readableBytes == 0
        let password = flags.hasPassword && !passwordIsMissing ? try body.readBinaryCopy() : nil
        self.init(
            version: agreed,
            clientID: clientID,
            cleanStart: flags.cleanStart,
            keepAlive: keepAlive,
            will: will,
            userName: userName,
            password: password,
            properties: properties
        )
    }

    private static func readVersion(from body: inout ByteBuffer) throws(MQTTCodecError) -> MQTTVersion {
        let name = try body.readBinarySlice()
        let level = try body.readField(as: UInt8.self)
        guard let version = MQTTVersion(rawValue: level), name == ByteBuffer(string: version.protocolName) else {
            let isKnown = MQTTVersion.allCases.contains { name == ByteBuffer(string: $0.protocolName) }
            throw isKnown ? .unsupportedProtocolLevel(level) : .unsupportedProtocolName
        }
        return version
    }

    private static func readWill(
        from body: inout ByteBuffer,
        flags: ConnectFlags,
        version: MQTTVersion
    ) throws(MQTTCodecError) -> Will {
        let properties = version == .v5 ? try MQTTProperties(from: &body, in: .will) : []
        let topic = try Publish.validatedTopic(try body.readBinarySlice())
        let payload = try body.readBinaryCopy()
        return Will(
            topic: topic,
            payload: payload,
            qos: flags.willQoS,
            retain: flags.willRetain,
            properties: properties
        )
    }
}

extension Connect: MQTTPacketBody {
    package func bodyLength(version _: MQTTVersion) -> Int {
        var length = 2 + version.protocolName.utf8.count + 1 + 1 + 2 + 2 + clientID.utf8.count
        if version == .v5 { length += properties.encodedLength }
        if let will {
            length += 2 + will.topic.utf8.count + 2 + will.payload.readableBytes
            if version == .v5 { length += will.properties.encodedLength }
        }
        if let userName { length += 2 + userName.utf8.count }
        if let password { length += 2 + password.readableBytes }
        return length
    }

    package func writeBody(into buffer: inout ByteBuffer, version _: MQTTVersion) throws(MQTTCodecError) {
        try buffer.writeMQTTString(version.protocolName)
        buffer.writeInteger(version.rawValue)
        buffer.writeInteger(ConnectFlags(self).byte)
        buffer.writeInteger(keepAlive)
        if version == .v5 { try properties.write(into: &buffer) }
        try buffer.writeMQTTString(clientID)
        if let will {
            if version == .v5 { try will.properties.write(into: &buffer) }
            try buffer.writeMQTTString(will.topic)
            try buffer.writeMQTTBinary(will.payload)
        }
        if let userName { try buffer.writeMQTTString(userName) }
        if let password { try buffer.writeMQTTBinary(password) }
    }
}

// The password is a secret: whatever prints a packet doesn't print it.
extension Connect: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        "Connect(\(version), clientID: \(clientID), userName: \(userName ?? "none"), "
            + "password: \(password == nil ? "none" : "‹redacted›"))"
    }

    package var debugDescription: String { description }

    package var customMirror: Mirror { Mirror(self, children: ["clientID": clientID, "version": version]) }
}
