import MQTTCodec
import MQTTSession
import NIOCore
import Testing

@Suite struct KeepAliveTests {
    /// [MQTT-3.12.4-1]
    @Test func pingreqIsAnswered() {
        #expect(Client.connected().receive(.pingreq) == [.send(.pingresp)])
    }

    @Test func aConnectionWithoutConnectIsClosedInTime() {
        let client = Client(SessionSettings(connectTimeout: .seconds(5)))

        #expect(client.wait == .seconds(5))
        #expect(client.pass(.milliseconds(4999)).isEmpty)
        #expect(client.pass(.milliseconds(1)) == [.close(.connectTimeout)])
        #expect(client.wait == nil)
    }

    @Test func anAuthenticationThatTakesTooLongIsRefused() {
        let client = Client(SessionSettings(connectTimeout: .seconds(5)))
        _ = client.pass(.seconds(4))
        _ = client.connect(Connect(version: .v3_1_1, clientID: "c", will: .sample))

        #expect(client.wait == .seconds(5))
        #expect(
            client.pass(.seconds(5))
                == [.send(.connack(Connack(reasonCode: .serverUnavailable))), .close(.connectTimeout)]
        )
    }

    /// [MQTT-3.1.2-22]
    @Test(arguments: [MQTTVersion.v3_1_1, .v5])
    func silenceOfOneAndAHalfKeepAlivesEnds(_ version: MQTTVersion) {
        let client = Client.connected(version, keepAlive: 10, will: .sample)
        let farewell: [SessionAction] =
            version == .v5 ? [.send(.disconnect(Disconnect(reasonCode: .keepAliveTimeout)))] : []

        #expect(client.pass(.seconds(14)).isEmpty)
        _ = client.receive(.pingreq)
        #expect(client.wait == .seconds(15))
        #expect(client.pass(.milliseconds(14_999)).isEmpty)
        #expect(client.pass(.milliseconds(1)) == farewell + [.publishWill(.sample), .close(.keepAliveTimeout)])
    }

    @Test func keepAliveZeroNeverEnds() {
        let client = Client.connected(keepAlive: 0)

        #expect(client.wait == nil)
        #expect(client.pass(.hours(1000)).isEmpty)
    }

    @Test func silenceWhileNobodyReadsDoesNotCount() {
        let client = Client.connected(keepAlive: 10)
        client.pauseReading()

        #expect(client.wait == nil)
        #expect(client.pass(.seconds(100)).isEmpty)
        client.resumeReading()
        #expect(client.wait == .seconds(15))
        #expect(client.pass(.seconds(15)).end == .keepAliveTimeout)
    }
}
