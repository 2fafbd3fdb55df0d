import Bootstrap
import Foundation
import Model
import PostgresDriver
import PostgresSettings
import TestSupport
import Testing

@Suite struct PostgresSettingsTests {
    private let folder: TemporaryFolder
    private let authority: TestAuthority
    private let pair: TestAuthority.Pair

    init() throws {
        folder = try TemporaryFolder()
        authority = try TestAuthority(folder)
        pair = try authority.sign(["fluxgate"])
    }

    private func configuration(
        _ variables: [String: String],
        prefix: String = "MF_USERS_DB",
        environment: String = "development"
    ) throws -> PostgresConfiguration {
        let named = variables.map { ($0.hasPrefix("MF_") ? $0 : prefix + $0, $1) }
        let all = Dictionary(named) { $1 }.merging(["MF_ENV": environment]) { $1 }
        return try PostgresConfiguration(Variables(all), prefix: prefix)
    }

    private func error(_ variables: [String: String], environment: String = "development") -> ConfigurationError? {
        #expect(throws: ConfigurationError.self) { try configuration(variables, environment: environment) }
    }

    /// All three files, with some of them changed or left out.
    private func files(_ mode: String, _ changes: [String: String?] = [:]) -> [String: String] {
        let files: [String: String?] = [
            "_SSL_MODE": mode, "_SSL_CERT": pair.certificatePath, "_SSL_KEY": pair.keyPath,
            "_SSL_ROOT_CERT": authority.path,
        ]
        return files.merging(changes) { $1 }.compactMapValues { $0 }
    }

    private func write(_ text: String, rights: Int = 0o600) throws -> String {
        let path = "\(folder.path)/\(UUID())"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: rights], ofItemAtPath: path)
        return path
    }

    // MARK: What is read

    @Test(arguments: [("MF_USERS_DB", "users"), ("MF_THINGS_DB", "things")])
    func whatIsUnsetHasTheDefaultsOfTheContract(prefix: String, service: String) throws {
        let configuration = try configuration([:], prefix: prefix)

        #expect(configuration.host == "localhost" && configuration.port == 5432)
        #expect(configuration.user == "mainflux" && configuration.password?.revealed == "mainflux")
        #expect(configuration.database == service && configuration.applicationName == "fluxgate-\(service)")
        #expect(configuration.tls == .disable && configuration.certificate == nil && configuration.key == nil)
        #expect(configuration.rootCertificate == nil && configuration.connections == 8)
        #expect(configuration.waitTimeout == .seconds(5) && configuration.statementTimeout == .seconds(10))
    }

    @Test func everyVariableIsTaken() throws {
        let variables = [
            "_HOST": "db.example.com", "_PORT": "6432", "_USER": "jane", "_PASS": "of her own", "": "accounts",
            "_CONNECTIONS": "20", "_WAIT_TIMEOUT": "250ms", "_STATEMENT_TIMEOUT": "1m",
        ]
        let configuration = try configuration(
            variables.merging(files("verify-full")) { $1 },
            prefix: "MF_THINGS_DB",
            environment: "production"
        )

        #expect(configuration.host == "db.example.com" && configuration.port == 6432)
        #expect(configuration.user == "jane" && configuration.password?.revealed == "of her own")
        #expect(configuration.database == "accounts" && configuration.connections == 20)
        #expect(configuration.waitTimeout == .milliseconds(250) && configuration.statementTimeout == .seconds(60))
        #expect(configuration.tls == .verifyFull && configuration.certificate == pair.certificatePath)
        #expect(configuration.key == pair.keyPath && configuration.rootCertificate == authority.path)
    }

    @Test(arguments: [
        ("disabled", PostgresConfiguration.TLSMode.disable), ("disable", .disable), ("required", .require),
        ("require", .require), ("Required", .require), ("verify-ca", .verifyCA), ("verify-full", .verifyFull),
    ])
    func modesHaveTheNamesOfTheContractAndOfLibpq(name: String, mode: PostgresConfiguration.TLSMode) throws {
        let variables = mode == .disable ? ["_SSL_MODE": name] : files(name)

        #expect(try configuration(variables).tls == mode)
    }

    @Test(arguments: ["prefer", "allow", "on", "verify_full"])
    func anotherModeIsRefusedByName(mode: String) {
        let words = error(["_SSL_MODE": mode])?.description

        #expect(words?.hasPrefix("MF_USERS_DB_SSL_MODE='\(mode)'") == true)
        #expect(words?.contains("disabled, required, verify-ca, verify-full") == true)
    }

    @Test(arguments: [
        ("_PORT", "0"), ("_CONNECTIONS", "0"), ("_CONNECTIONS", "201"), ("_WAIT_TIMEOUT", "1ms"),
        ("_STATEMENT_TIMEOUT", "1h"), ("_HOST", "one,two"),
    ])
    func whatIsOutOfRangeIsNamed(name: String, value: String) {
        #expect(error([name: value])?.variable == "MF_USERS_DB\(name)")
    }

    // MARK: Passwords

    @Test(arguments: [nil, "mainflux", "Secret"])
    func aPasswordThatEverybodyKnowsIsRefusedInProduction(password: String?) {
        let variables = password.map { ["_PASS": $0] } ?? [:]

        #expect(error(variables, environment: "production")?.variable == "MF_USERS_DB_PASS")
    }

    @Test func noPasswordIsNeededWhereSomethingElseSaysWhoWeAre() throws {
        #expect(try configuration(files("verify-ca"), environment: "production").password == nil)
        #expect(try configuration(["_HOST": "/var/run/postgresql"], environment: "production").password == nil)
    }

    // MARK: Contradictions

    @Test(arguments: ["_SSL_CERT", "_SSL_KEY", "_SSL_ROOT_CERT"])
    func filesWithoutTLSAreRefused(name: String) {
        let path = files("disabled")[name] ?? ""

        #expect(error([name: path])?.variable == "MF_USERS_DB_SSL_MODE")
        #expect(error([name: path, "_SSL_MODE": "disable"])?.description.contains("MF_USERS_DB\(name)") == true)
    }

    @Test func whereTLSIsRequiredADatabaseIsNotReachedWithoutIt() throws {
        #expect(error(["MF_REQUIRE_TLS": "true"])?.variable == "MF_USERS_DB_SSL_MODE")
        #expect(try configuration(["MF_REQUIRE_TLS": "true", "_SSL_MODE": "required"]).tls == .require)
    }

    @Test func halfAPairIsNamed() {
        #expect(error(files("required", ["_SSL_KEY": nil]))?.variable == "MF_USERS_DB_SSL_KEY")
        #expect(error(files("required", ["_SSL_CERT": nil]))?.variable == "MF_USERS_DB_SSL_CERT")
    }

    @Test(arguments: ["verify-ca", "verify-full"])
    func nobodyIsVerifiedWithoutARoot(mode: String) {
        let error = error(files(mode, ["_SSL_ROOT_CERT": nil]))

        #expect(error?.description == "MF_USERS_DB_SSL_ROOT_CERT: is missing beside MF_USERS_DB_SSL_MODE=\(mode)")
    }

    @Test(arguments: ["/var/run/postgresql", "@abstract"])
    func aUnixSocketHasNoTLS(host: String) throws {
        #expect(error(["_HOST": host, "_SSL_MODE": "required"])?.variable == "MF_USERS_DB_HOST")
        #expect(try configuration(["_HOST": host]).isSocket)
    }

    // MARK: Files

    @Test(arguments: ["_SSL_CERT", "_SSL_KEY", "_SSL_ROOT_CERT"])
    func aFileThatCannotBeUsedIsNamedWithItsVariable(name: String) throws {
        let broken = [
            "\(folder.path)/missing", folder.path, try write(""), try write("no certificate, no key"),
            try write("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ]
        for path in broken {
            let error = error(files("verify-full", [name: path]))

            #expect(error?.variable == "MF_USERS_DB\(name)")
            #expect(error?.description.contains(path) == true)
        }
    }

    @Test func aKeyOfAnotherCertificateIsNamed() throws {
        let other = try authority.sign(["another"])

        #expect(error(files("required", ["_SSL_KEY": other.keyPath]))?.variable == "MF_USERS_DB_SSL_KEY")
    }

    @Test func aKeyThatOthersCanReadIsNamed() throws {
        let isRoot = getuid() == 0
        for (rights, isFine) in [(0o600, true), (0o400, true), (0o644, false), (0o660, false), (0o640, isRoot)] {
            try FileManager.default.setAttributes([.posixPermissions: rights], ofItemAtPath: pair.keyPath)
            if isFine {
                #expect(try configuration(files("required")).key == pair.keyPath)
            } else {
                let words = error(files("required"))?.description
                #expect(words?.contains("MF_USERS_DB_SSL_KEY: \(pair.keyPath)") == true)
            }
        }
    }

    @Test func aKeyWithAColonInItsPathIsRefusedSinceLibpqWouldNotReadIt() throws {
        let path = "\(folder.path)/a:key"
        try FileManager.default.copyItem(atPath: pair.keyPath, toPath: path)

        #expect(error(files("required", ["_SSL_KEY": path]))?.variable == "MF_USERS_DB_SSL_KEY")
    }
}
