import Foundation
import NIOCore
import NIOEmbedded
import NIOSSL
import TestSupport
import Testing
import X509

@testable import TLSSupport

@Suite struct GateTests {
    private let pki: TestPKI

    init() throws { pki = try TestPKI() }

    // MARK: Who is let in

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13], ["a key of a thing", "a,b=c/CN=d", "ü", ""])
    func theCommonNameIsTakenVerbatim(version: TLSVersion, name: String) throws {
        let pipe = try pki.pipe(pki.authority.sign([name]), version)
        try pipe.run()
        try pipe.send("hello")

        #expect(pipe.welcomes == [.client(.one(name))] && pipe.text == "hello")
        #expect(pipe.metrics.total("fluxgate_tls_handshakes_total{listener=test}") == 1 && pipe.allRefusals == 0)
    }

    @Test func aSubjectWithoutCommonNameOrWithSeveralIsToldApart() throws {
        let none = try pki.pipe(pki.authority.sign([]))
        try none.run()
        let several = try pki.pipe(pki.authority.sign(["one", "two"]))
        try several.run()

        #expect(none.welcomes == [.client(.none)] && several.welcomes == [.client(.several)])
    }

    @Test func whoIsNotAskedNeedsNoCertificate() throws {
        let pipe = try TLSPipe(pki.tls(asking: false), client: pki.client(nil))
        try pipe.run()
        try pipe.send("hello")

        #expect(pipe.welcomes == [.anybody] && pipe.text == "hello")
    }

    // MARK: Who is not

    private func refusal(_ pair: TestAuthority.Pair?, _ version: TLSVersion) throws -> TLSPipe {
        let pipe = try pki.pipe(pair, version)
        try pipe.run()
        try? pipe.send("never heard")
        #expect(pipe.welcomes.isEmpty && pipe.text.isEmpty && pipe.errors.isEmpty && pipe.isEnded)
        #expect(pipe.allRefusals == 1)
        return pipe
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func eachWayToFailInTheHandshakeIsCountedByItself(version: TLSVersion) throws {
        let stranger = try TestAuthority(pki.folder, name: "Stranger")

        #expect(try refusal(nil, version).refusals(.noCertificate) == 1)
        #expect(try refusal(stranger.sign(["a thing's key"]), version).refusals(.untrustedCertificate) == 1)
        let forServers = try pki.authority.sign(["a thing's key"], purpose: .server)
        #expect(try refusal(forServers, version).refusals(.untrustedCertificate) == 1)
        let expired = try pki.authority.sign(["a thing's key"], validity: -60 ... -1)
        #expect(try refusal(expired, version).refusals(.expiredCertificate) == 1)
        let early = try pki.authority.sign(["a thing's key"], validity: 60...120)
        #expect(try refusal(early, version).refusals(.notYetValidCertificate) == 1)
    }

    @Test func anAuthorityOfTheSameNameWithAnotherKeyIsAStranger() throws {
        let twin = try TestAuthority(pki.folder)

        #expect(try refusal(twin.sign(["a thing's key"]), .tlsv13).refusals(.untrustedCertificate) == 1)
    }

    /// A resumed session skips the check of BoringSSL, whose clock this stands for.
    @Test func aCertificateThatExpiredSinceItWasCheckedIsRefusedBehindTheHandshake() throws {
        let pair = try pki.authority.sign(["a thing's key"])
        let later = Int(pair.certificate.notValidAfter.timeIntervalSince1970) + 1
        let pipe = try TLSPipe(pki.tls(), client: pki.client(pair), clock: { later })
        try pipe.run()
        try? pipe.send("never heard")

        #expect(pipe.refusals(.expiredCertificate) == 1 && pipe.welcomes.isEmpty && pipe.text.isEmpty && pipe.isEnded)
    }

    @Test func aClientThatDoesNotTrustTheServerIsToldFromOneThatIsNotTrusted() throws {
        let stranger = try TestAuthority(pki.folder, name: "Stranger")
        var configuration = try pki.client(pki.authority.sign(["a thing's key"]))
        configuration.trustRoots = .file(stranger.path)
        let pipe = try TLSPipe(pki.tls(), client: configuration)
        try pipe.run()

        #expect(pipe.refusals(.clientAlert) == 1 && pipe.allRefusals == 1 && pipe.welcomes.isEmpty)
    }

    @Test func anOlderVersionThanAskedForIsRefused() throws {
        let pair = try pki.authority.sign(["a thing's key"])
        let pipe = try TLSPipe(pki.tls(minimum: .v1_3), client: pki.client(pair, .tlsv12))
        try pipe.run()

        #expect(pipe.refusals(.handshake) == 1 && pipe.welcomes.isEmpty && pipe.isEnded)
    }

    @Test(arguments: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\u{10}\u{0c}\u{0}\u{4}MQTT\u{4}\u{2}\u{0}\u{0}\u{0}\u{0}"])
    func whatIsNotTLSIsRefused(bytes: String) throws {
        let pipe = try TLSPipe(pki.tls())
        pipe.receive(ByteBuffer(string: bytes))
        try pipe.run()

        #expect(pipe.refusals(.handshake) == 1 && pipe.text.isEmpty && pipe.errors.isEmpty && pipe.isEnded)
    }

    // MARK: What goes out

    @Test(arguments: [0, 1, 65_536, 65_537, 1_000_000])
    func whatIsLargeIsEncryptedPieceByPiece(size: Int) throws {
        let pipe = try TLSPipe(pki.tls(asking: false), client: pki.client(nil))
        try pipe.run()
        pipe.server.writeAndFlush(ByteBuffer(repeating: 7, count: size), promise: nil)
        pipe.loop.run()

        var received = 0
        while let bytes = try pipe.server.readOutbound(as: ByteBuffer.self) {
            #expect(bytes.readableBytes < TLSGate.largestPiece + 1_000)
            try pipe.client.writeInbound(bytes)
        }
        while let bytes = try pipe.client.readInbound(as: ByteBuffer.self) { received += bytes.readableBytes }
        #expect(received == size)
    }

    /// A handler that is told in the middle of a write that there is room again, and writes more.
    @Test func whatIsWrittenMeanwhileComesBehind() throws {
        final class Echo: ChannelOutboundHandler {
            typealias OutboundIn = ByteBuffer

            var hasSeenOne = false

            func flush(context: ChannelHandlerContext) {
                context.flush()
                guard !hasSeenOne else { return }
                hasSeenOne = true
                context.channel.writeAndFlush(ByteBuffer(string: "behind"), promise: nil)
            }
        }
        let pipe = try TLSPipe(pki.tls(asking: false), client: pki.client(nil))
        try pipe.run()
        // In front of TLS, so that it hears of each piece.
        try pipe.server.pipeline.syncOperations.addHandler(Echo(), position: .first)
        let first = String(repeating: "a", count: 200_000)
        pipe.server.writeAndFlush(ByteBuffer(string: first), promise: nil)
        try pipe.run()

        var received = ""
        while let bytes = try pipe.client.readInbound(as: ByteBuffer.self) { received += String(buffer: bytes) }
        #expect(received == first + "behind")
    }

    // MARK: Ends

    @Test(arguments: [CloseMode.output, .all])
    func whoIsClosedInTheHandshakeIsGone(mode: CloseMode) throws {
        let pipe = try TLSPipe(pki.tls())
        pipe.server.close(mode: mode, promise: nil)
        pipe.loop.advanceTime(by: .seconds(2))

        #expect(!pipe.server.isActive && pipe.welcomes.isEmpty)
    }

    @Test func whoIsNotWelcomeIsClosed() throws {
        let pipe = try TLSPipe(pki.tls(), client: pki.client(pki.authority.sign(["a thing's key"])), isClosed: true)
        try pipe.run()
        try? pipe.send("never heard")
        pipe.loop.advanceTime(by: .seconds(2))

        #expect(pipe.text.isEmpty && !pipe.server.isActive)
    }

    @Test func aHandshakeThatStallsIsEnded() throws {
        let pipe = try TLSPipe(pki.tls())
        pipe.loop.advanceTime(by: .seconds(9))
        #expect(!pipe.isEnded)
        pipe.loop.advanceTime(by: .seconds(2))

        #expect(pipe.isEnded && pipe.refusals(.timeout) == 1 && pipe.allRefusals == 1)
        pipe.loop.advanceTime(by: .seconds(1))
        #expect(!pipe.server.isActive)
    }

    @Test func aPeerThatOnlyLooksWhetherThePortIsOpenIsCountedApart() throws {
        let pipe = try TLSPipe(pki.tls())
        pipe.halfClose()
        pipe.loop.advanceTime(by: .seconds(1))

        #expect(pipe.refusals(.aborted) == 1 && pipe.allRefusals == 1 && !pipe.server.isActive)
    }

    @Test func afterAFailedHandshakeTheAlertHasTimeToArrive() throws {
        let pipe = try pki.pipe(nil)
        try pipe.run()
        #expect(pipe.isEnded && pipe.server.isActive)
        pipe.receive(ByteBuffer(string: "more"))

        pipe.halfClose()
        #expect(!pipe.server.isActive)
    }

    @Test func anEndWithoutCloseNotifyIsAnEndLikeAnyOther() throws {
        let pipe = try pki.pipe(pki.authority.sign(["a thing's key"]))
        try pipe.run()
        try pipe.send("hello")
        pipe.halfClose()

        #expect(pipe.text == "hello" && pipe.hasHeardEnd && pipe.errors.isEmpty && pipe.allRefusals == 0)
    }

    @Test func aBrokenRecordEndsTheConnection() throws {
        let pipe = try pki.pipe(pki.authority.sign(["a thing's key"]))
        try pipe.run()
        pipe.receive(ByteBuffer(bytes: [23, 3, 3, 0, 32] + Array(repeating: 7, count: 32)))
        try pipe.run()
        pipe.loop.advanceTime(by: .seconds(2))

        #expect(pipe.refusals(.record) == 1 && pipe.text.isEmpty && pipe.isEnded)
    }
}
