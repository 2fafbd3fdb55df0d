import MQTTCodec
import MQTTSession
import NIOCore
import Testing

/// Random clients, lawful and not, against what must hold whatever they do.
@Suite struct RandomEventTests {
    @Test(arguments: MQTTVersion.allCases)
    func invariantsHoldWhateverHappens(_ version: MQTTVersion) throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var model = SessionModel(version: version, window: Int.random(in: 1...5, using: &random))
            for _ in 0..<300 where model.client.phase == .connected {
                try #require(model.step(using: &random) == nil, "seed \(seed)")
            }
        }
    }

    @Test func garbageNeverTrapsAndEndsOnce() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let client = Client(SessionSettings(receiveMaximum: 3, maximumInFlight: 2, maximumQueuedMessages: 3))
            var ends = 0
            for _ in 0..<40 {
                let actions = SessionModel.anything(client, using: &random)
                ends += actions.count { if case .close = $0 { true } else { false } }
            }
            #expect(ends <= 1, "seed \(seed)")
            #expect((ends == 1) == (client.phase == .closed), "seed \(seed)")
        }
    }
}
