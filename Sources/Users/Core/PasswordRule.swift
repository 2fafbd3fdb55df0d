package import Model

/// Which new passwords are taken (contract section 12).
package struct PasswordRule: Sendable {
    /// Most bytes of a password: hashing must not become a way to keep us busy.
    package static let maximumBytes = 1024

    /// `MF_USERS_PASS_MIN_LENGTH`, in characters.
    package let minimumLength: Int

    package init(minimumLength: Int = 8) {
        self.minimumLength = minimumLength
    }

    package func check(_ password: Secret) throws(UsersError) {
        guard !password.revealed.isEmpty, password.revealed.count >= minimumLength else {
            throw .malformed("the password must have at least \(max(1, minimumLength)) characters")
        }
        guard Self.isShortEnough(password) else {
            throw .malformed("the password may have at most \(Self.maximumBytes) bytes")
        }
    }

    static func isShortEnough(_ password: Secret) -> Bool {
        password.revealed.utf8.count <= maximumBytes
    }
}
