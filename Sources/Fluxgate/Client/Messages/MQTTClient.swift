internal import MQTTCodec
package import Messaging
internal import Model
package import NIOCore
internal import NIOPosix

/// Sends and receives over MQTT 5, with quality of service 1.
package struct MQTTClient: Sendable {
    private typealias Packets = NIOAsyncChannelInboundStream<MQTTPacket>.AsyncIterator
    private typealias Writer = NIOAsyncChannelOutboundWriter<MQTTPacket>

    private let target: MessageTarget

    package init(_ target: MessageTarget) {
        self.target = target
    }

    /// Sends one message and waits for its acknowledgment.
    package func send(_ message: OutgoingMessage) async throws {
        let action = "Sending"
        try await connected(action) { packets, writer in
            let publish = Publish(
                topic: ByteBuffer(string: target.topic(message.subtopic)),
                payload: message.payload,
                qos: .atLeastOnce,
                packetID: 1,
                properties: message.contentType.isEmpty ? [] : [.contentType(message.contentType)]
            )
            try await writer.write(.publish(publish))
            guard case .puback(let ack) = try await next(&packets, action) else { throw unexpected(action) }
            guard !ack.reasonCode.isFailure else {
                throw ClientFailure(action, mqtt: ack.reasonCode, reason: ack.properties.reasonString)
            }
        }
    }

    /// Receives until `received` says that it was the last message.
    package func watch(
        _ filter: SubtopicFilter,
        standing: @Sendable () -> Void,
        received: @Sendable (ByteBuffer) throws -> Bool
    ) async throws {
        let action = "Watching"
        try await connected(action) { packets, writer in
            let subscription = Subscription(filter: target.topic(filter), qos: .atLeastOnce)
            try await writer.write(.subscribe(Subscribe(packetID: 1, subscriptions: [subscription])))
            guard case .suback(let ack) = try await next(&packets, action), let code = ack.reasonCodes.first else {
                throw unexpected(action)
            }
            guard !code.isFailure else {
                throw ClientFailure(action, mqtt: code, reason: ack.properties.reasonString)
            }
            standing()
            while true {
                guard case .publish(let publish) = try await next(&packets, action) else { continue }
                let goesOn = try received(publish.payload)
                if publish.qos == .atLeastOnce {
                    try await writer.write(.puback(PublishAck(packetID: publish.packetID)))
                }
                if !goesOn { return }
            }
        }
    }

    private func connected(
        _ action: String,
        _ body: (inout Packets, Writer) async throws -> Void
    ) async throws {
        do {
            let address = target.address
            let context = try target.tls.makeContext(for: address)
            let channel = try await ClientBootstrap.forMessages
                .connect(host: address.host, port: address.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.secure(with: context, to: address)
                        return try MQTTPipeline.configure(channel)
                    }
                }
            try await channel.executeThenClose { inbound, writer in
                var packets = inbound.makeAsyncIterator()
                try await logIn(&packets, writer, on: channel.channel, action)
                try await body(&packets, writer)
                try await writer.write(.disconnect(Disconnect()))
            }
        } catch {
            try Task.checkCancellation()
            if error is MQTTCodecError {
                throw ClientFailure(.protocolError, "\(action): \(target.address) sent something that is no MQTT.")
            }
            throw ClientFailure(action, at: target.address, error)
        }
    }

    private func logIn(
        _ packets: inout Packets,
        _ writer: Writer,
        on channel: any NIOCore.Channel,
        _ action: String
    ) async throws {
        let connect = Connect(
            version: .v5,
            clientID: "",
            keepAlive: MQTTPipeline.keepAlive,
            password: target.key.map { ByteBuffer(string: $0.secret.revealed) },
            properties: [.receiveMaximum(100)]
        )
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(30)) { channel.close(promise: nil) }
        defer { deadline.cancel() }
        try await writer.write(.connect(connect))
        guard case .connack(let ack) = try await next(&packets, action) else { throw unexpected(action) }
        guard ack.reasonCode == .success else {
            throw ClientFailure(action, mqtt: ack.reasonCode, reason: ack.properties.reasonString)
        }
    }

    /// The next packet that isn't an answer to a ping.
    private func next(_ packets: inout Packets, _ action: String) async throws -> MQTTPacket {
        while let packet = try await packets.next(isolation: #isolation) {
            switch packet {
            case .pingresp: continue
            case .disconnect(let end):
                throw ClientFailure(action, mqtt: end.reasonCode, reason: end.properties.reasonString)
            default: return packet
            }
        }
        throw ClientFailure(.unavailable, "\(action): the connection was lost.")
    }

    private func unexpected(_ action: String) -> ClientFailure {
        ClientFailure(.protocolError, "\(action): \(target.address) sent an MQTT packet out of turn.")
    }
}

extension ClientFailure {
    /// A refusal by an MQTT 5 reason code.
    init(_ action: String, mqtt code: MQTTReasonCode, reason: String?) {
        let number = "0x" + [code.rawValue].hexadecimal.uppercased()
        let detail = reason.map { ": \($0)" } ?? ""
        let status: CommandStatus =
            switch code {
            case .badUserNameOrPassword, .notAuthorized, .banned: .notAuthorized
            case .topicNameInvalid, .topicFilterInvalid, .packetTooLarge, .payloadFormatInvalid: .badInput
            case .success, .implementationSpecificError, .serverUnavailable, .serverBusy, .serverShuttingDown,
                .quotaExceeded, .connectionRateExceeded, .messageRateTooHigh:
                .unavailable
            default: .protocolError
            }
        self.init(status, "\(action): the server answered with MQTT reason \(number) (\(code.words))\(detail).")
    }
}

extension MQTTReasonCode {
    /// `not authorized` for `notAuthorized`.
    fileprivate var words: String {
        String(describing: self).reduce(into: "") { text, letter in
            text += letter.isUppercase ? " " + letter.lowercased() : String(letter)
        }
    }
}
