internal import FoundationEssentials
package import Model
internal import NIOCore

/// Gets a token for an account, which is opened first if that is wanted.
package struct Login: Sendable {
    package let email: String
    package let password: Secret
    package let registers: Bool

    package init(email: String, password: Secret, registers: Bool) {
        self.email = email
        self.password = password
        self.registers = registers
    }

    package func token(_ rest: RESTClient, users address: ServiceAddress) async throws -> Secret {
        let body = try JSONEncoder().encode(["email": email, "password": password.revealed])
        if registers {
            _ = try await rest.post("/users", at: address, ByteBuffer(bytes: body), action: "Registering \(email)")
        }
        let answer = try await rest.post("/tokens", at: address, ByteBuffer(bytes: body), action: "Logging in")
        guard
            let token = try? JSONDecoder().decode(TokenAnswer.self, from: Data(answer.readableBytesView)).token,
            let token = Secret(headerValue: token)
        else { throw ClientFailure(.protocolError, "\(address) answered with something that is no token.") }
        return token
    }

    private struct TokenAnswer: Decodable {
        let token: String
    }
}

extension Secret {
    /// Nil if the text could not stand in a header as it is.
    package init?(headerValue text: String) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        self.init(text)
    }
}
