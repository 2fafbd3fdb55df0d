internal import NIOCore

/// Where a connection is, and which of its deadlines runs.
///
/// idle → readingHead → readingBody → handling → answering → idle, with a body that is still coming in while the answer
/// goes out ending the connection; any state may go to closing, and nothing leaves that.
struct RequestGate {
    enum Phase: Equatable {
        /// Between requests, not a byte of the next one seen.
        case idle
        case readingHead
        /// The head has been passed on.
        case readingBody
        /// The whole request has been passed on.
        case handling
        case answering
        /// Nothing more is read or said.
        case closing
    }

    private(set) var phase = Phase.idle
    /// The peer wants no further request on this connection, or can't be trusted with one.
    private(set) var closesAfterAnswer = false

    /// Whether an answer can still be given that isn't the application's.
    var canRefuse: Bool { phase != .answering && phase != .closing }

    /// A request has been passed on in part: whoever reads its body must learn that the rest won't come.
    var isMidRequest: Bool { phase == .readingBody }

    mutating func bytesArrived() {
        if phase == .idle { phase = .readingHead }
    }

    mutating func headArrived(closesAfterAnswer: Bool) {
        phase = .readingBody
        self.closesAfterAnswer = closesAfterAnswer
    }

    mutating func requestEnded() {
        if phase == .readingBody { phase = .handling }
    }

    mutating func answerStarted() {
        if phase == .readingBody { closesAfterAnswer = true }
        if phase != .closing { phase = .answering }
    }

    /// Returns whether the connection is to be closed now.
    mutating func answerEnded() -> Bool {
        phase = closesAfterAnswer ? .closing : .idle
        return closesAfterAnswer
    }

    mutating func close() {
        phase = .closing
    }

    func deadline(_ limits: HTTPLimits) -> TimeAmount? {
        switch phase {
        case .idle: limits.idleTimeout
        case .readingHead: limits.headTimeout
        case .readingBody: limits.bodyTimeout
        case .handling: nil
        case .answering: limits.answerTimeout
        case .closing: limits.lingerTimeout
        }
    }
}
