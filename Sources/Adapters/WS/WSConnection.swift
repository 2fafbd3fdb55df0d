internal import AdapterTransport
internal import AdaptersCore
internal import DequeModule
internal import Messaging
internal import Model
internal import NIOCore
internal import NIOWebSocket

/// One open WebSocket: what it sends is published on its channel, and what its filter matches comes to it.
///
/// open → closing (a Close frame is on its way, the peer's FIN is awaited) → gone. Confined to its loop.
final class WSConnection: ChannelDuplexHandler, Subscriber {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private enum State {
        case open
        /// Something is awaited, an access decision or the time for the next message; nothing is read meanwhile.
        case asking
        case closing
    }

    let channelID: ChannelID
    let filter: SubtopicFilter
    let thing: Thing.ID
    let tenant: Tenant.ID
    /// Nanoseconds since 1970 when it was made.
    let since: UInt64

    private let component: WSComponent
    private let peer: ConnectionPeer
    private let topic: Topic?
    /// What it lives by.
    let admission: Admission
    private var grant: ChannelGrant
    private var assembler: WebSocketAssembler
    private var state = State.open
    private var waiting = Deque<WebSocketFrame>()
    private var readIsDue = false
    private var outbound: OutboundQueue
    private var context: ChannelHandlerContext?
    /// The loop's clock when the peer was last heard, and whether a ping has been sent since.
    private var lastHeard: UInt64
    private var isPinged = false
    private var idleness: Idleness
    private var pace: PublishPace
    /// Nanoseconds that it still has to wait before it is read from.
    private var pause: UInt64 = 0
    /// Whether it counts as one of its tenant's.
    var isCounted = false

    /// - Parameter topic: where it publishes; nil if its filter has wildcards.
    init(component: WSComponent, peer: ConnectionPeer, admission: Admission, filter: SubtopicFilter, topic: Topic?) {
        self.component = component
        self.peer = peer
        self.admission = admission
        let grant = admission.grant
        self.grant = grant
        self.thing = grant.identity.thing
        self.tenant = grant.identity.tenant
        self.channelID = grant.channel
        self.filter = filter
        self.topic = topic
        self.since = component.loop.wallClock
        self.assembler = WebSocketAssembler(maximumSize: component.maximumMessage)
        self.outbound = OutboundQueue(limit: component.maximumQueue)
        self.lastHeard = component.loop.now
        self.idleness = Idleness(limit: component.idleTimeout, at: component.loop.now)
        self.pace = PublishPace(on: component.loop)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if !component.opened(self) { close(.tryAgainLater, .quotaExceeded) }
        // A right that was taken between the answer and now has no event that could find us any more.
        if !admission.isLive { close(.policyViolation, .rightTaken) }
        // The same of its certificate, if a proxy has passed it on.
        endIfOver(at: component.loop.now)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        component.closed(self)
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .closing
        component.closed(self)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What a closing peer still sends doesn't keep the connection open.
        if case .closing = state { return }
        lastHeard = component.loop.now
        isPinged = false
        let frame = unwrapInboundIn(data)
        if case .asking = state { waiting.append(frame) } else { process(frame) }
    }

    func read(context: ChannelHandlerContext) {
        readIsDue = true
        readOn()
    }

    /// Reads, if that is asked for and nothing speaks against it.
    private func readOn() {
        if case .asking = state { return }
        guard readIsDue, !outbound.isOverfull, let context else { return }
        readIsDue = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        context.channel.send(outbound.next(for: context.channel))
        readOn()
        context.fireChannelWritabilityChanged()
    }

    /// A client that has sent its FIN is gone: there is nobody to talk to.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength: close(.messageTooLarge, .tooLarge)
        case is NIOWebSocketError: close(.protocolError, .protocolError)
        default: context.close(promise: nil)
        }
    }

    // MARK: Frames

    private func process(_ frame: WebSocketFrame) {
        guard case .open = state else { return }
        switch assembler.received(frame) {
        case .none: break
        case .text(let payload), .binary(let payload): publish(payload)
        case .pong(let data): queue { WebSocketFrames.append(.pong, data, to: &$0) }
        case .goodbye(let code): close(code, nil)
        case .fail(let code): close(code, Refusal(code))
        }
    }

    private func publish(_ payload: ByteBuffer) {
        idleness.carried()
        guard let topic else { return close(.policyViolation, .badTopic) }
        let loop = component.loop
        let request = PublishRequest(topic: topic, payload: payload, source: .ws, qos: 1)
        let now = loop.now
        if pace.isLimited { pause = pace.charge(payload.readableBytes, of: tenant, at: now) }
        guard admission.key.isGood(at: now), !loop.isHeldUp(channelID, qos: request.qos) else {
            return ask(toPublish: request)
        }
        switch loop.publish(request, by: grant, at: now) {
        case .published: keepPace()
        case .storing:
            closeUnlessStored()
            keepPace()
        case .stale: ask(toPublish: request)
        case .unavailable: close(.tryAgainLater, .unavailable)
        }
    }

    private func ask(toPublish request: PublishRequest) {
        state = .asking
        let loop = component.loop
        loop.whenThereIsRoom(channelID, qos: request.qos) { self.publish(request, on: loop) }
    }

    private func publish(_ request: PublishRequest, on loop: AdapterLoop) {
        loop.access.authorize(admission.key, channelID, clock: { loop.now }) { answer in
            guard case .asking = self.state else { return }
            self.state = .open
            defer { self.resume() }
            switch answer {
            case .granted(let grant):
                self.grant = grant
                switch loop.publish(request, by: grant, at: loop.now) {
                case .published: self.keepPace()
                case .storing:
                    self.closeUnlessStored()
                    self.keepPace()
                case .stale: self.close(.policyViolation, .rightTaken)
                case .unavailable: self.close(.tryAgainLater, .unavailable)
                }
            case .refused:
                loop.counters.accessChecks.add()
                self.close(.policyViolation, .notAuthorized)
            case .unavailable:
                self.close(.tryAgainLater, .unavailable)
            }
        }
    }

    /// There are no acknowledgements: a client learns of what was lost by the end of its connection.
    private func closeUnlessStored() {
        component.loop.whenStored { isStored in if !isStored { self.close(.tryAgainLater, .unavailable) } }
    }

    /// Reads nothing more before the next message may come.
    private func keepPace() {
        guard pause > 0 else { return }
        component.loop.counters.throttledWS.add()
        state = .asking
        let time = TimeAmount.nanoseconds(Int64(clamping: pause))
        pause = 0
        component.loop.eventLoop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: time) { self.goOn() }
    }

    private func goOn() {
        guard case .asking = state else { return }
        state = .open
        resume()
    }

    private func resume() {
        while case .open = state, let frame = waiting.popFirst() { process(frame) }
        readOn()
    }

    // MARK: What goes out

    /// Adds a frame that was encoded for several. False if the client's queue is full: then the message is dropped for it.
    func deliver(_ frame: ByteBuffer) -> Bool {
        if case .closing = state { return true }
        guard outbound.hasRoom(for: frame.readableBytes) else { return false }
        idleness.carried()
        queue { $0.writeImmutableBuffer(frame) }
        return true
    }

    var isBehind: Bool {
        if case .closing = state { return false }
        return outbound.isHalfFull
    }

    func write() {
        outbound.isListed = false
        guard let context else { return }
        context.channel.send(outbound.next(for: context.channel))
        readOn()
    }

    private func queue(_ write: (inout ByteBuffer) -> Void) {
        outbound.append(write)
        guard !outbound.isListed else { return }
        outbound.isListed = true
        component.hasToWrite(self)
    }

    // MARK: The end

    /// Sends a Close frame and our FIN; the rest of the connection goes when the peer's FIN comes, or a moment later.
    func close(_ code: WebSocketErrorCode?, _ reason: Refusal?) {
        if case .closing = state { return }
        state = .closing
        waiting.removeAll()
        if let reason { peer.refused(reason, .ws) }
        guard let context else { return }
        outbound.append { WebSocketFrames.appendClose(code, to: &$0) }
        context.channel.send(outbound.rest())
        context.channel.close(mode: .output, promise: nil)
        lastHeard = component.loop.now
        component.unsubscribe(self)
        // What was held back must be read, or the peer's FIN is never seen.
        readOn()
    }

    private func endIfOver(at now: UInt64) {
        switch peer.end(at: now) ?? (idleness.isOver(at: now) ? .idle : nil) {
        case .revoked: close(.policyViolation, .revokedCertificate)
        case .expired: close(.policyViolation, .expiredCertificate)
        case .lifetime: close(.goingAway, .lifetimeOver)
        case .idle: close(.goingAway, .idle)
        case nil: break
        }
    }

    /// Pings a peer that has been silent, and gives up on one that doesn't answer.
    func sweep(at now: UInt64) {
        endIfOver(at: now)
        let silence = now &- lastHeard
        switch state {
        case .closing where silence > 1_000_000_000:
            context?.close(promise: nil)
        case .open where silence > 2 * component.pingInterval:
            context?.close(promise: nil)
        case .open where silence > component.pingInterval && !isPinged:
            isPinged = true
            queue { WebSocketFrames.append(.ping, ByteBuffer(), to: &$0) }
        default:
            break
        }
    }
}

extension WebSocketErrorCode {
    /// Try again later (RFC 6455's registry, 1013).
    static let tryAgainLater = WebSocketErrorCode(codeNumber: 1013)
}

extension Refusal {
    init(_ code: WebSocketErrorCode) {
        switch code {
        case .messageTooLarge: self = .tooLarge
        case .dataInconsistentWithMessage: self = .badText
        default: self = .protocolError
        }
    }
}
