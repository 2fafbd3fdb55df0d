/// The end of the connection that reads: it decides which packets may arrive.
package enum MQTTRole: Sendable {
    case server
    case client
}
