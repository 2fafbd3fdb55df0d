internal import AdaptersCore
internal import DequeModule
package import NIOCore
package import NIOHTTP1

/// One HTTP/1.1 connection: requests are answered in their order, pipelined ones too, and the answers of one turn of the
/// loop leave in one write.
///
/// While an answer is awaited nothing more is read, so a client can't make us hold more than one read of its requests; nor
/// while it doesn't take its answers, or while another loop is behind with what came from here.
package final class HTTPConnectionHandler<Endpoint: HTTPEndpoint>: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = HTTPServerRequestPart
    package typealias OutboundIn = Never
    package typealias OutboundOut = ByteBuffer

    private struct Request {
        let head: HTTPRequestHead
        let facts: RequestFacts
        let sender: ConnectionPeer
        var body: ByteBuffer?
    }

    private enum State {
        case idle
        case receiving(Request)
        /// The body of a request that has been answered already; its bytes count against the limit.
        case discarding(Int)
        case answering(HTTPRequestHead, RequestFacts)
        case upgraded
        case closing
    }

    private let endpoint: Endpoint
    private let component: HTTPComponent
    private var state = State.idle
    private var waiting = Deque<HTTPServerRequestPart>()
    /// The answer to what stands behind ``waiting`` and can't be read as a request.
    private var farewell: HTTPAnswer?
    private var readIsDue = false
    private var isWaitingForPeers = false
    /// Whether part of a request's head is in the decoder, and whether this read brought more than that.
    private var isMidHead = true
    private var sawPart = false
    private var outbound = OutboundQueue(limit: 256 * 1_024)
    private var context: ChannelHandlerContext?
    /// The client has sent its FIN: what it asked is still answered, then the connection ends.
    private var hasHeardAll = false
    package private(set) var deadline: UInt64 = .max
    /// The next answer is the last one.
    private var isOver = false

    package init(endpoint: Endpoint, component: HTTPComponent) {
        self.endpoint = endpoint
        self.component = component
    }

    // MARK: Channel events

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        deadline = component.loop.now &+ component.limits.requestTimeout
        component.opened(self)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        component.closed(self)
        self.context = nil
    }

    package func channelInactive(context: ChannelHandlerContext) {
        state = .closing
        component.closed(self)
        context.fireChannelInactive()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        sawPart = true
        if case .answering = state { return waiting.append(part) }
        process(part)
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        if case .idle = state, !sawPart, !isMidHead {
            isMidHead = true
            deadline = component.loop.now &+ component.limits.requestTimeout
        }
        sawPart = false
        context.fireChannelReadComplete()
    }

    package func read(context: ChannelHandlerContext) {
        readIsDue = true
        readOn()
    }

    /// Reads, if that is asked for and nothing speaks against it.
    private func readOn() {
        if case .answering = state { return }
        guard readIsDue, !outbound.isOverfull, !isWaitingForPeers, let context else { return }
        if component.loop.isCongested { return waitForPeers() }
        readIsDue = false
        context.read()
    }

    private func waitForPeers() {
        isWaitingForPeers = true
        component.loop.whenUncongested {
            self.isWaitingForPeers = false
            self.readOn()
        }
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        context.channel.send(outbound.next(for: context.channel))
        readOn()
        context.fireChannelWritabilityChanged()
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        hasHeardAll = true
        endIfDone()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow:
            refuseRest(HTTPAnswer(.requestHeaderFieldsTooLarge, .headersTooLarge, "headers too large", closes: true))
        case is HTTPParserError:
            refuseRest(HTTPAnswer(.badRequest, .malformed, "malformed HTTP request", closes: true))
        default:
            context.close(promise: nil)
        }
    }

    // MARK: Requests

    private func process(_ part: HTTPServerRequestPart) {
        switch (state, part) {
        case (.idle, .head(let head)):
            begin(head)
        case (.receiving(var request), .body(let bytes)):
            state = .idle
            receive(bytes, of: &request)
        case (.receiving(let request), .end):
            respond(to: request)
        case (.discarding(let bytes), .body(let more)):
            discard(bytes + more.readableBytes)
        case (.discarding, .end):
            becomeIdle()
        default:
            break
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        deadline = component.loop.now &+ component.limits.requestTimeout
        let facts = RequestFacts(head.headers)
        let sender: ConnectionPeer
        do throws(Refusal) {
            sender = try endpoint.peer.sender(of: facts, known: &component.passedOn)
        } catch {
            return refuse(check(head, facts) ?? .refused(error), head, facts)
        }
        if let answer = check(head, facts) ?? endpoint.refuse(head, facts, from: sender) {
            return refuse(answer, head, facts)
        }
        if facts.expectsContinue { queue { $0.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n") } }
        state = .receiving(Request(head: head, facts: facts, sender: sender))
    }

    private func refuse(_ refusal: HTTPAnswer, _ head: HTTPRequestHead, _ facts: RequestFacts) {
        var answer = refusal
        // The client may now leave the body out: where its next request would begin can't be known.
        answer.closes = answer.closes || facts.expectsContinue
        send(answer, for: head, facts)
        if case .idle = state { state = .discarding(0) }
    }

    private func check(_ head: HTTPRequestHead, _ facts: RequestFacts) -> HTTPAnswer? {
        guard facts.isUnambiguous(head.version) else {
            return HTTPAnswer(.badRequest, .malformed, "ambiguous HTTP request", closes: true)
        }
        if let length = facts.contentLength, length > component.limits.maximumBody { return .tooLarge }
        return nil
    }

    private func receive(_ bytes: ByteBuffer, of request: inout Request) {
        let size = (request.body?.readableBytes ?? 0) + bytes.readableBytes
        guard size <= component.limits.maximumBody else { return send(.tooLarge, for: request.head, request.facts) }
        if request.body == nil {
            request.body = bytes
        } else {
            request.body?.writeImmutableBuffer(bytes)
        }
        state = .receiving(request)
    }

    private func discard(_ bytes: Int) {
        state = .discarding(bytes)
        if bytes > component.limits.maximumBody { close() }
    }

    private func respond(to request: Request) {
        state = .answering(request.head, request.facts)
        deadline = .max
        let body = request.body ?? ByteBuffer()
        switch endpoint.respond(to: request.head, request.facts, from: request.sender, body: body, reply: self) {
        case .later: break
        case let outcome: complete(outcome, for: request.head, request.facts)
        }
    }

    // MARK: Answers

    private func complete(_ outcome: HTTPOutcome, for head: HTTPRequestHead, _ facts: RequestFacts) {
        switch outcome {
        case .answer(let answer):
            send(answer, for: head, facts)
            if case .answering = state { becomeIdle() }
        // Nobody is there to speak the other protocol.
        case .upgrade where hasHeardAll:
            close()
        case .upgrade(let headers, let install):
            upgrade(headers, install)
        case .later:
            break
        }
    }

    private func becomeIdle() {
        state = .idle
        isMidHead = false
        deadline = component.loop.now &+ component.limits.idleTimeout
        endIfDone()
    }

    private func endIfDone() {
        if case .answering = state { return }
        if hasHeardAll, waiting.isEmpty, farewell == nil { close() }
    }

    private func send(_ answer: HTTPAnswer, for head: HTTPRequestHead, _ facts: RequestFacts) {
        // The decoder reads nothing after an upgrade or CONNECT.
        let isLast =
            answer.closes || facts.wantsUpgrade || head.method == .CONNECT || component.isShuttingDown || isOver
        let keepAlive = head.isKeepAlive && !isLast
        if answer.refusal != nil { endpoint.refused(answer) }
        let date = component.currentDate()
        queue { answer.write(to: &$0, date: date, keepAlive: keepAlive, withoutBody: head.method == .HEAD) }
        if !keepAlive { close() }
    }

    /// Refuses what can't be read as a request, when everything before it has its answer.
    private func refuseRest(_ answer: HTTPAnswer) {
        switch state {
        case .answering: farewell = answer
        case .idle, .receiving, .discarding: answerLast(answer)
        case .upgraded, .closing: break
        }
    }

    /// The answer that nothing follows. A request that was refused before its end has had its answer already.
    private func answerLast(_ answer: HTTPAnswer) {
        // A client that went in the middle of a request broke no rule.
        guard let context, context.channel.isActive else { return }
        endpoint.refused(answer)
        if case .discarding = state { return close() }
        let date = component.currentDate()
        queue { answer.write(to: &$0, date: date, keepAlive: false) }
        close()
    }

    private func queue(_ write: (inout ByteBuffer) -> Void) {
        outbound.append(write)
        guard !outbound.isListed else { return }
        outbound.isListed = true
        component.hasToWrite(self)
    }

    /// Writes what is queued and closes. A client that still sends would be answered with a reset before it has read our
    /// answer, so our side is closed first and the rest a moment later.
    private func close() {
        guard let context else { return }
        state = .closing
        waiting.removeAll()
        context.channel.send(outbound.rest())
        context.channel.close(mode: .output, promise: nil)
        deadline = component.loop.now &+ 1_000_000_000
    }

    private func upgrade(_ headers: [(String, String)], _ install: (any Channel) throws -> Void) {
        guard let context else { return }
        state = .upgraded
        let date = component.currentDate()
        outbound.append { buffer in
            buffer.writeString("HTTP/1.1 101 Switching Protocols\r\nDate: \(date)\r\n")
            for (name, value) in headers { buffer.writeString("\(name): \(value)\r\n") }
            buffer.writeStaticString("\r\n")
        }
        context.channel.send(outbound.rest())
        do {
            // The new handlers come behind this one; the decoder in front hands over what it hasn't read when it goes.
            try install(context.channel)
            let operations = context.pipeline.syncOperations
            let decoder = try operations.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
            operations.removeHandler(context: decoder, promise: nil)
            operations.removeHandler(context: context, promise: nil)
            if readIsDue { context.channel.read() }
        } catch {
            context.close(promise: nil)
        }
    }
}

extension HTTPConnectionHandler: HTTPReply {
    package func finish(_ outcome: HTTPOutcome) {
        guard case .answering(let head, let facts) = state else { return }
        complete(outcome, for: head, facts)
        while let part = waiting.popFirst() {
            process(part)
            if case .answering = state { return }
        }
        if let farewell {
            self.farewell = nil
            refuseRest(farewell)
        }
        readOn()
    }
}

extension HTTPConnectionHandler: HTTPConnection {
    func write() {
        outbound.isListed = false
        guard let context else { return }
        context.channel.send(outbound.next(for: context.channel))
        readOn()
    }

    func timedOut() {
        switch state {
        case .receiving, .discarding: answerLast(.timeout)
        case .idle where isMidHead: answerLast(.timeout)
        default: context?.close(promise: nil)
        }
    }

    /// A revoked client gets no further answer; any other's request under way is finished.
    func endIfOver(at now: UInt64) {
        if case .closing = state { return }
        if case .upgraded = state { return }
        guard !isOver, let end = endpoint.peer.end(at: now) else { return }
        isOver = true
        endpoint.refused(.refused(end.refusal))
        switch state {
        case .idle where !isMidHead: close()
        case _ where end == .revoked: close()
        default: break
        }
    }

    func shutDown() {
        switch state {
        case .idle, .closing: context?.close(promise: nil)
        // What is under way may finish, but not take its time.
        default: deadline = min(deadline, component.loop.now &+ 2_000_000_000)
        }
    }
}
