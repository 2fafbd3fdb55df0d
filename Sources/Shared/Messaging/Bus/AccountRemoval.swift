package import Model

/// What the users service asks on ``BusSubject/usersEvents`` before it removes an account: that everything the account owns is
/// removed first. Whoever has done that answers ``done``.
package struct AccountRemoval: Sendable, Equatable {
    /// How long the things service may take a token for good that has ended: below the quarter of a second within which rights
    /// end. What an account owns is removed once more behind that.
    package static let tokenMemory = Duration.milliseconds(200)
    package static let done = #"{"status":"done"}"#
    private static let operation = "account.remove"

    package let account: Account.ID

    package init(of account: Account.ID) { self.account = account }

    /// Reads one JSON object; nil if it is something else.
    package init?(json: String) {
        guard case .object(let members)? = try? JSONValue(parsing: json),
            members["operation"] == .string(Self.operation), case .string(let text)? = members["id"],
            let account = Account.ID(text)
        else { return nil }
        self.account = account
    }

    package var json: String {
        let members: JSONValue = [
            "source": "users", "operation": .string(Self.operation), "id": .string("\(account)"),
        ]
        return members.text
    }
}
