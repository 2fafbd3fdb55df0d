package import NIOCore

/// How much of one connection a REST listener puts up with.
package struct HTTPLimits: Sendable {
    /// Bytes of the request line or of one header field; more is 431.
    package var headerFieldSize = 16 << 10
    /// Bytes of all header fields; more is 431.
    package var headerListSize = 32 << 10
    /// Header fields, trailers among them; more is 431.
    package var headerFieldCount = 100
    /// Largest `Content-Length` that any route takes; more is 413 before a byte of it is read.
    package var bodySize = 16 << 20
    /// How long a connection may stay open between requests.
    package var idleTimeout: TimeAmount = .seconds(60)
    /// From a request's first byte to the end of its head; longer is 408.
    package var headTimeout: TimeAmount = .seconds(10)
    /// From the end of a request's head to the end of its body; longer is 408.
    package var bodyTimeout: TimeAmount = .seconds(30)
    /// From the first byte of an answer to the last one being taken.
    package var answerTimeout: TimeAmount = .seconds(60)
    /// How long a connection that is done with may go on sending before it is reset, so that it can read our last
    /// answer.
    package var lingerTimeout: TimeAmount = .seconds(1)
    /// Connections at a time; more wait in the backlog.
    package var connections = 4096

    package init() {}
}
