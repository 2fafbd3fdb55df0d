import Messaging
import Model
import NIOCore
import TestSupport
import Testing

/// Names put together from what parsers stumble over.
private enum Noise {
    static let id = "0f6b2a1c-3d4e-4f50-8a9b-0c1d2e3f4a5b"
    private static let pieces: [[UInt8]] =
        [
            "channels", "/channels/", id, id.uppercased(), "messages", "/", "//", ".", "..", "ct", "/ct/", "a", "b",
            "é", "e\u{301}",
            "\u{301}", "+", "#", "*", ">", "$", "_", "-", "%", "%2F", "%00", "%C3%A9", "%zz", "?", " ", "\t", "\r\n",
            "\u{0}", "\u{1}",
            "\u{7F}", "\u{85}", "\u{A0}", "\u{2028}", "\u{3000}", "\u{FFFE}", "\u{FFFD}", "😀", "text_plain",
        ].map { Array($0.utf8) } + [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xC3]]

    static func bytes(_ start: String, _ random: inout SeededGenerator) -> [UInt8] {
        let count = Int.random(in: 0..<12, using: &random)
        let begin = Int.random(in: 0..<4, using: &random) == 0 ? [] : Array(start.utf8)
        return (0..<count).reduce(into: begin) { bytes, _ in bytes += random.pick(pieces) }
    }
}

/// What must not get through, told by bytes and values alone.
private func isSound(_ text: String) -> Bool {
    let blanks: Set<UInt32> = [0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
    return text.unicodeScalars.allSatisfy { scalar in
        scalar.value > 0x20 && !(0x7F...0xA0).contains(scalar.value) && !blanks.contains(scalar.value)
            && !(0x2000...0x200A).contains(scalar.value) && scalar.value & 0xFFFE != 0xFFFE
    }
}

private func holdsAny(_ bytes: some Sequence<UInt8>, of forbidden: StaticString) -> Bool {
    forbidden.withUTF8Buffer { forbidden in bytes.contains { forbidden.contains($0) } }
}

@Suite struct TopicFuzzTests {
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func whateverIsTakenForATopicNameHoldsNothingForbidden(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var taken = 0
        for _ in 0..<5_000 {
            let name = ByteBuffer(bytes: Noise.bytes("channels/\(Noise.id)/messages/", &random))
            guard let topic = try? MQTTTopicParser.topic(name.readableBytesView) else { continue }
            taken += 1
            #expect(isSound(topic.subtopic.dotted.text))
            #expect(topic.subtopic.levels.allSatisfy { !holdsAny($0.text.utf8, of: "/.*>+#") && !$0.text.isEmpty })
            #expect(
                topic.contentType.text.unicodeScalars.allSatisfy {
                    $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value)
                }
            )
            #expect(!holdsAny(topic.plainName.readableBytesView, of: "\0 *>+#\r\n"))
            #expect(topic.subtopic.dotted.text.utf8.count <= Subtopic.maximumLength)
        }
        #expect(taken > 100)
    }

    @Test(arguments: [5, 6, 7, 8] as [UInt64])
    func whateverIsTakenForAFilterHoldsNothingForbidden(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var taken = 0
        for _ in 0..<5_000 {
            let text = String(decoding: Noise.bytes("channels/\(Noise.id)/messages/", &random), as: UTF8.self)
            guard let filter = try? MQTTTopicParser.filter(text) else { continue }
            taken += 1
            for case .literal(let level) in filter.subtopic.levels {
                #expect(isSound(level.text) && !holdsAny(level.text.utf8, of: "/.*>+#") && !level.text.isEmpty)
            }
            #expect(!holdsAny((filter.contentType?.text ?? "").utf8, of: "/*>+#"))
            #expect(filter.contentType?.text.isEmpty != true)
        }
        #expect(taken > 100)
    }

    @Test(arguments: [9, 10, 11, 12] as [UInt64])
    func whateverIsTakenForAPathGivesASoundSubtopicOrNone(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var taken = 0
        for _ in 0..<5_000 {
            let target = String(decoding: Noise.bytes("/channels/\(Noise.id)/messages/", &random), as: UTF8.self)
            guard let path = try? MessagePath(target: target), let rest = try? path.rest.get() else { continue }
            if let subtopic = try? Subtopic(rest[...]) {
                taken += 1
                #expect(isSound(subtopic.dotted.text) && !holdsAny(subtopic.dotted.text.utf8, of: "/*>+#"))
            }
            if let filter = try? SubtopicFilter(natsStyle: rest[...]), let literal = filter.literal {
                #expect(isSound(literal.dotted.text) && !holdsAny(literal.dotted.text.utf8, of: "/*>+#"))
            }
        }
        #expect(taken > 100)
    }
}
