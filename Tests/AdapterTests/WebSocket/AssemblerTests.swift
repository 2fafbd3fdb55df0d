import AdapterTransport
import NIOCore
import NIOWebSocket
import TestSupport
import Testing

/// RFC 6455 sections 5, 7 and 8.1.
@Suite struct AssemblerTests {
    private func assembler() -> WebSocketAssembler { WebSocketAssembler(maximumSize: 300) }

    private func buffer(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    /// The last action of a run of frames.
    private func last(_ frames: WebSocketFrame...) -> WebSocketAssembler.Action {
        var assembler = assembler()
        return frames.map { assembler.received($0) }.last ?? .none
    }

    @Test func aWholeFrameIsAMessage() {
        #expect(last(ClientFrame.frame(.text, Array("é".utf8))) == .text(buffer("é")))
        #expect(last(ClientFrame.frame(.binary, [0xFF])) == .binary(ByteBuffer(bytes: [0xFF])))
        #expect(last(ClientFrame.frame(.text)) == .text(ByteBuffer()))
        #expect(last(ClientFrame.frame(.binary)) == .binary(ByteBuffer()))
    }

    @Test func fragmentsArePutTogetherWithControlFramesBetweenThem() {
        var assembler = assembler()

        #expect(assembler.received(ClientFrame.frame(.text, [0xC3], fin: false)) == .none)
        #expect(assembler.received(ClientFrame.frame(.ping, [1, 2])) == .pong(ByteBuffer(bytes: [1, 2])))
        #expect(assembler.received(ClientFrame.frame(.continuation, [], fin: false)) == .none)
        #expect(assembler.received(ClientFrame.frame(.pong)) == .none)
        #expect(assembler.received(ClientFrame.frame(.continuation, [0xA9])) == .text(buffer("é")))
        #expect(assembler.received(ClientFrame.frame(.binary, [1])) == .binary(ByteBuffer(bytes: [1])))
    }

    @Test func aMessageWithinAMessageIsRefused() {
        #expect(last(ClientFrame.frame(.text, fin: false), ClientFrame.frame(.text)) == .fail(.protocolError))
        #expect(last(ClientFrame.frame(.binary, fin: false), ClientFrame.frame(.text)) == .fail(.protocolError))
    }

    @Test func aContinuationOfNothingIsRefused() {
        #expect(last(ClientFrame.frame(.continuation)) == .fail(.protocolError))
        #expect(last(ClientFrame.frame(.text), ClientFrame.frame(.continuation)) == .fail(.protocolError))
        #expect(
            last(
                ClientFrame.frame(.text, fin: false),
                ClientFrame.frame(.continuation),
                ClientFrame.frame(.continuation)
            ) == .fail(.protocolError)
        )
    }

    @Test func anUnmaskedFrameIsRefused() {
        #expect(last(WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer())) == .fail(.protocolError))
    }

    @Test func reservedBitsAreRefused() {
        for (rsv1, rsv2, rsv3) in [(true, false, false), (false, true, false), (false, false, true)] {
            let frame = WebSocketFrame(
                fin: true,
                rsv1: rsv1,
                rsv2: rsv2,
                rsv3: rsv3,
                opcode: .binary,
                maskKey: ClientFrame.mask,
                data: ByteBuffer()
            )
            #expect(last(frame) == .fail(.protocolError))
        }
    }

    @Test(arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    func unknownOpcodesAreRefused(code: UInt8) throws {
        let opcode = try #require(WebSocketOpcode(encodedWebSocketOpcode: code))

        #expect(last(ClientFrame.frame(opcode)) == .fail(.protocolError))
    }

    @Test(arguments: [WebSocketOpcode.ping, .pong, .connectionClose])
    func controlFramesAreWholeAndShort(opcode: WebSocketOpcode) {
        #expect(last(ClientFrame.frame(opcode, fin: false)) == .fail(.protocolError))
        #expect(last(ClientFrame.frame(opcode, [3, 232] + Array(repeating: 97, count: 124))) == .fail(.protocolError))
    }

    @Test func aMessageMayHaveAsManyBytesAsTheLimitAndNoMore() {
        let most = [UInt8](repeating: 1, count: 300)

        #expect(last(ClientFrame.frame(.binary, most)) == .binary(ByteBuffer(bytes: most)))
        #expect(last(ClientFrame.frame(.binary, most + [1])) == .fail(.messageTooLarge))
        #expect(
            last(ClientFrame.frame(.binary, most, fin: false), ClientFrame.frame(.continuation))
                == .binary(ByteBuffer(bytes: most))
        )
        #expect(
            last(ClientFrame.frame(.binary, most, fin: false), ClientFrame.frame(.continuation, [1], fin: false))
                == .fail(.messageTooLarge)
        )
    }

    @Test(arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC3]] as [[UInt8]])
    func textMustBeUTF8(bytes: [UInt8]) {
        #expect(last(ClientFrame.frame(.text, bytes)) == .fail(.dataInconsistentWithMessage))
        #expect(last(ClientFrame.frame(.binary, bytes)) == .binary(ByteBuffer(bytes: bytes)))
        #expect(
            last(ClientFrame.frame(.text, fin: false), ClientFrame.frame(.continuation, bytes))
                == .fail(.dataInconsistentWithMessage)
        )
        #expect(
            last(ClientFrame.frame(.connectionClose, [3, 232] + bytes)) == .fail(.dataInconsistentWithMessage)
        )
    }

    @Test(arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
    func aGoodbyeIsAnsweredWithItsCode(code: Int) {
        let bytes = [UInt8(code >> 8), UInt8(code & 0xFF)] + Array("why".utf8)

        #expect(last(ClientFrame.frame(.connectionClose, bytes)) == .goodbye(WebSocketErrorCode(codeNumber: code)))
    }

    @Test(arguments: [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535])
    func aCodeThatMustNotBeSentIsRefused(code: Int) {
        let bytes = [UInt8(code >> 8), UInt8(code & 0xFF)]

        #expect(last(ClientFrame.frame(.connectionClose, bytes)) == .fail(.protocolError))
    }

    @Test func aGoodbyeMayHaveNoCodeButNotHalfOfOne() {
        #expect(last(ClientFrame.frame(.connectionClose)) == .goodbye(nil))
        #expect(last(ClientFrame.frame(.connectionClose, [3])) == .fail(.protocolError))
    }

    @Test func nothingIsHeardAfterTheEnd() {
        for end in [ClientFrame.frame(.connectionClose), ClientFrame.frame(.continuation)] {
            #expect(last(end, ClientFrame.frame(.text, [97])) == .none)
            #expect(last(end, ClientFrame.frame(.ping)) == .none)
            #expect(last(end, ClientFrame.frame(.connectionClose)) == .none)
        }
    }

    /// Streams of frames, broken at random: never a trap, never more than the limit, nothing after the end.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func noBrokenStreamDoesHarm(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var stream = [UInt8]()
            for _ in 0..<Int.random(in: 1..<6, using: &random) { stream += randomFrame(&random) }
            for _ in 0..<Int.random(in: 0..<4, using: &random) where !stream.isEmpty {
                stream[Int.random(in: 0..<stream.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            var actions: [WebSocketAssembler.Action] = []
            var assembler = assembler()
            for frame in FrameReader.read(stream, maximum: 300) { actions.append(assembler.received(frame)) }
            if let end = actions.firstIndex(where: \.isEnd) {
                #expect(actions[(end + 1)...].allSatisfy { $0 == .none })
            }
            #expect(actions.allSatisfy { $0.size <= 300 })
        }
    }

    private func randomFrame(_ random: inout SeededGenerator) -> [UInt8] {
        let payload = (0..<Int.random(in: 0..<200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
        }
        let opcode = random.pick([
            WebSocketOpcode.text, .binary, .continuation, .continuation, .ping, .pong, .connectionClose,
        ])
        return ClientFrame.bytes(opcode, payload, fin: Bool.random(using: &random))
    }
}

extension WebSocketAssembler.Action {
    fileprivate var isEnd: Bool {
        switch self {
        case .goodbye, .fail: true
        default: false
        }
    }

    fileprivate var size: Int {
        switch self {
        case .text(let bytes), .binary(let bytes), .pong(let bytes): bytes.readableBytes
        default: 0
        }
    }
}
