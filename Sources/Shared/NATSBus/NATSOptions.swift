internal import CNATS
internal import Foundation
internal import Model

/// The client library's options; freed with their owner.
final class NATSOptions: @unchecked Sendable {
    /// Written before it is shared, then read only.
    let pointer: OpaquePointer

    /// - Throws: also if a file that is named can't be used; the words don't hold a secret.
    init(_ configuration: NATSConfiguration) throws(NATSError) {
        var made: OpaquePointer?
        try check(natsOptions_Create(&made))
        guard let made else { throw NATSError("no memory for options") }
        pointer = made

        try withCStrings(configuration.servers.map(\.revealed)) { servers, count throws(NATSError) in
            try check(natsOptions_SetServers(made, servers, count))
        }
        try check(natsOptions_SetName(made, configuration.name))
        try check(natsOptions_SetTimeout(made, configuration.connectTimeout.milliseconds))
        try check(natsOptions_SetNoEcho(made, true))
        // What it had not sent it would send on the next connection, when that is said to be lost and others are stored.
        try check(natsOptions_SetAllowReconnect(made, false))
        try check(natsOptions_SetWriteDeadline(made, configuration.writeDeadline.milliseconds))
        // A server that is gone without a word is noticed within ten seconds.
        try check(natsOptions_SetPingInterval(made, 5_000))
        try check(natsOptions_SetMaxPingsOut(made, 1))
        try check(natsOptions_SetMaxPendingMsgs(made, 16_384))
        try logIn(configuration)
        if configuration.isSecure { try check(natsOptions_SetSecure(made, true)) }
        if let authorities = configuration.authorities {
            try check(natsOptions_LoadCATrustedCertificates(made, authorities))
        }
        if let pair = configuration.clientPair {
            try check(natsOptions_LoadCertificatesChain(made, pair.certificate, pair.key))
        }
    }

    deinit { natsOptions_Destroy(pointer) }

    private func logIn(_ configuration: NATSConfiguration) throws(NATSError) {
        if let user = configuration.user {
            try check(natsOptions_SetUserInfo(pointer, user, configuration.password?.revealed ?? ""))
        }
        if let token = configuration.token { try check(natsOptions_SetToken(pointer, token.revealed)) }
        if let file = configuration.credentials {
            try check(natsOptions_SetUserCredentialsFromFiles(pointer, file, nil))
        }
    }
}

/// Calls the body with the texts as C strings.
private func withCStrings(
    _ texts: [String],
    _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>?, Int32) throws(NATSError) -> Void
) throws(NATSError) {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    var pointers = copies.map { UnsafePointer($0) }
    let count = Int32(pointers.count)
    let result = pointers.withUnsafeMutableBufferPointer { buffer -> Result<Void, NATSError> in
        do throws(NATSError) { return .success(try body(buffer.baseAddress, count)) } catch { return .failure(error) }
    }
    try result.get()
}
