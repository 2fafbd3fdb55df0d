package import ArgumentParser
package import Model

/// `fluxgate provision`
package struct ProvisionCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "provision",
        abstract: "Create things and channels from a file, and connect them.",
        discussion: """
            A CSV file has a header that names its columns: thing, channel and, if you choose keys yourself, key. Every \
            thing and channel is made once, and the two of a row are connected:

              thing,channel
              thermometer,greenhouse
              display,greenhouse

            A JSON file can say more; "connect" is a list of pairs, or "all":

              {
                "things":   [{"name": "thermometer", "metadata": {"floor": 2}},
                             {"name": "display", "key": "a-key-of-my-own"}],
                "channels": [{"name": "greenhouse"}],
                "connect":  [{"thing": "thermometer", "channel": "greenhouse"}]
              }

            What was made is listed on standard output, with the things' keys; keep that to yourself. Requests hold up \
            to 1,000 entries each and are all or nothing. If one fails, what was made before it is listed, and stays.

            EXAMPLES
              fluxgate provision devices.csv --email jane@example.com --register
              export MF_TOKEN=…
              fluxgate provision devices.json --json | jq -r '.things[].key'

            The password is asked for, or taken from MF_PASSWORD.

            \(CommandStatus.help)
            """
    )

    @Argument(help: "The file: .csv or .json, up to 64 MiB.", completion: .file(extensions: ["csv", "json"]))
    package var file: String

    @Option(
        help: """
            Log in as this account. The password comes from MF_PASSWORD or is asked for.
            """
    )
    package var email: String?

    @Flag(help: "Open the account first.")
    package var register = false

    @Option(
        help: """
            The token to work with, instead of logging in. Others on this machine can read command lines: MF_TOKEN is \
            the better place.
            """,
        transform: Arguments.secret
    )
    package var token: Secret?

    @Option(
        help: "Where accounts are. Default: MF_FLUXGATE_USERS_URL, or http://127.0.0.1:8180.",
        transform: Arguments.httpAddress
    )
    package var usersURL: ServiceAddress?

    @Option(
        help: "Where things are. Default: MF_FLUXGATE_THINGS_URL, or http://127.0.0.1:8182.",
        transform: Arguments.httpAddress
    )
    package var thingsURL: ServiceAddress?

    @OptionGroup
    package var security: TLSOptions

    @Flag(help: "List what was made as one JSON object.")
    package var json = false

    package init() {}

    package func validate() throws {
        guard ProvisionFile(path: file) != nil else {
            throw ValidationError("The file's name must end in .csv or .json.")
        }
        guard token.map({ Secret(headerValue: $0.revealed) != nil }) ?? true else {
            throw ValidationError("What --token has is no token.")
        }
        guard token == nil || email == nil else { throw ValidationError("Give --token or --email, not both.") }
        guard !register || email != nil else { throw ValidationError("--register needs --email.") }
    }

    package func run() async throws {
        try await reporting {
            let variables = ClientVariables.ofProcess
            let plan = try readFile()
            let access = try access(variables)
            let users = try address(usersURL, variables.usersURL, "MF_FLUXGATE_USERS_URL")
            let things = try address(thingsURL, variables.thingsURL, "MF_FLUXGATE_THINGS_URL")
            let tls = try security.tls(variables)
            let record = ProvisionRecord()
            let bar = Console.errorsAreSeen ? ProgressBar(total: plan.count) : nil
            let work: @Sendable () async throws -> Void = {
                try await RESTClient.run(timeout: .seconds(120), tls: tls) { rest in
                    let token = try await access.token(rest, users)
                    bar?.show(0)
                    defer { bar?.clear() }
                    try await Provisioner(rest, things: things, token: token)
                        .carryOut(plan, into: record) { bar?.show($0) }
                }
            }
            do {
                guard case .finished = try await race(work) else { throw ClientFailure(.interrupted, "Interrupted.") }
            } catch {
                try tell(record.made, of: plan)
                throw error
            }
            try tell(record.made, of: plan)
        }
    }

    private func readFile() throws(ClientFailure) -> ProvisionPlan {
        guard let file = ProvisionFile(path: file) else {
            throw ClientFailure(.usage, "The file's name must end in .csv or .json.")
        }
        return try file.read()
    }

    /// Lists what there is now, also if there should be more.
    private func tell(_ made: Provisioned, of plan: ProvisionPlan) throws {
        guard !made.isEmpty else { return }
        if json {
            try Console.output(ProvisionReport.json(made))
        } else {
            try ProvisionReport.table(made) { try Console.output($0) }
        }
        let whole = made.count == plan.count
        Console.note(whole ? "\(made.summary) made." : "Only \(made.summary) made.")
    }
}

/// Where the token comes from.
private enum Access: Sendable {
    case token(Secret)
    case login(Login)

    func token(_ rest: RESTClient, _ users: ServiceAddress) async throws -> Secret {
        switch self {
        case .token(let token): token
        case .login(let login): try await login.token(rest, users: users)
        }
    }
}

extension ProvisionCommand {
    private func access(_ variables: ClientVariables) throws(ClientFailure) -> Access {
        if let token { return .token(token) }
        if let email {
            let password = if let given = variables.password { given } else { try askForPassword(email) }
            return .login(Login(email: email, password: password, registers: register))
        }
        guard let token = variables.token else {
            throw ClientFailure(.usage, "Log in with --email, or give a token in MF_TOKEN.")
        }
        guard let token = Secret(headerValue: token.revealed) else {
            throw ClientFailure(.usage, "MF_TOKEN holds no token.")
        }
        return .token(token)
    }

    private func askForPassword(_ email: String) throws(ClientFailure) -> Secret {
        guard Console.inputIsTyped else {
            throw ClientFailure(.usage, "There is no terminal to ask for the password at; set MF_PASSWORD.")
        }
        return try PasswordPrompt.ask("Password of \(email.plain): ")
    }

    private func address(
        _ given: ServiceAddress?,
        _ text: String,
        _ variable: String
    ) throws(ClientFailure) -> ServiceAddress {
        if let given { return given }
        guard let address = ServiceAddress(text), MessageTransport(address.scheme) == .http else {
            throw ClientFailure(.usage, "\(variable)='\(text)': expected an address as http://127.0.0.1:8182.")
        }
        return address
    }
}

extension ProvisionPlan {
    /// How many things, channels and connections there are to make.
    package var count: Int { things.count + channels.count + connectionCount }
}

extension ProgressBar {
    fileprivate func show(_ done: Int) { Console.note(Self.clearLine + line(done), terminator: "") }
    fileprivate func clear() { Console.note(Self.clearLine, terminator: "") }
}
