import Bootstrap
import Foundation
import Model
import PostgresDriver
import PostgresSettings
import SQL
import TestSupport
import Testing

/// The variables of both services against a server with TLS: what comes to be, and what the server says of it.
@Suite(.enabled(if: TemporaryPostgres.server != nil, "no server: scripts/with-postgres"), .timeLimit(.minutes(2)))
struct TLSMatrixTests {
    /// How a service meets the server, whose certificate is for `localhost`.
    private enum Situation: String, CaseIterable {
        case goodAuthority = "good CA"
        case wrongAuthority = "wrong CA"
        case wrongName = "wrong host name"
        case noAuthority = "no CA given"
        case certificate = "client certificate demanded, given"
        case foreignCertificate = "client certificate demanded, of another CA"
        case noCertificate = "client certificate demanded, not given"

        var isDemanded: Bool { [.certificate, .foreignCertificate, .noCertificate].contains(self) }
    }

    private static let modes = ["disabled", "required", "verify-ca", "verify-full"]

    /// What has to come of it. Without TLS no file may be named, so there the server sees a plain connection at best.
    private func expected(_ mode: String, _ situation: Situation) -> String {
        switch (mode, situation) {
        case ("disabled", _): situation.isDemanded ? "refused" : "plain"
        case (_, .certificate): "TLSv1.3 /O=Test/CN=certified"
        case (_, .noCertificate), (_, .foreignCertificate), (_, .wrongAuthority): "refused"
        case (_, .goodAuthority), ("required", .noAuthority): "TLSv1.3"
        case (_, .noAuthority): "not started"
        case (_, .wrongName): mode == "verify-full" ? "refused" : "TLSv1.3"
        }
    }

    @Test func everyModeMeetsEverySituation() async throws {
        let site = try Site()
        try await site.prepare()
        for prefix in ["MF_USERS_DB", "MF_THINGS_DB"] {
            print("\(prefix)_SSL_MODE".padded(44) + Self.modes.map { $0.padded(32) }.joined())
            for situation in Situation.allCases {
                var row = situation.rawValue.padded(44)
                for mode in Self.modes {
                    let variables = variables(site, prefix, mode, situation)
                    let (outcome, reason) = await outcome(variables, prefix)
                    row += outcome.padded(32)
                    #expect(outcome == expected(mode, situation), "\(prefix) \(mode), \(situation.rawValue): \(reason)")
                }
                print(row)
            }
        }
    }

    private func variables(
        _ site: Site,
        _ prefix: String,
        _ mode: String,
        _ situation: Situation
    ) -> [String: String] {
        var variables = [
            "_HOST": situation == .wrongName ? "127.0.0.1" : "localhost", "_PORT": "\(site.server.port)",
            "_USER": situation.isDemanded ? "certified" : "mainflux", "_SSL_MODE": mode, "_CONNECTIONS": "1",
        ]
        variables[""] = "postgres"
        if mode != "disabled" {
            variables["_SSL_ROOT_CERT"] =
                switch situation {
                case .noAuthority: nil
                case .wrongAuthority: site.otherAuthority.path
                default: site.authority.path
                }
            let pair =
                switch situation {
                case .certificate: site.own
                case .foreignCertificate: site.foreign
                default: TestAuthority.Pair?.none
                }
            (variables["_SSL_CERT"], variables["_SSL_KEY"]) = (pair?.certificatePath, pair?.keyPath)
        }
        return Dictionary(uniqueKeysWithValues: variables.map { (prefix + $0, $1) })
            .merging(["MF_ENV": "development"]) { $1 }
    }

    /// What came of it, and why.
    private func outcome(_ variables: [String: String], _ prefix: String) async -> (String, reason: String) {
        let database: PostgresDatabase
        do {
            database = PostgresDatabase(try PostgresConfiguration(Variables(variables), prefix: prefix))
        } catch {
            return ("not started", "\(error)")
        }
        while let outage = database.outage {
            guard outage == "no connection yet", !Task.isCancelled else { return ("refused", outage) }
            await Task.yield()
        }
        do {
            let row = try await database.read { session in
                try session.query(
                    "SELECT ssl, version, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
                    []
                ).first
            }
            guard let row, try row.integer("ssl") == 1 else { return ("plain", "") }
            let name = try row.value("client_dn") == nil ? "" : " " + row.text("client_dn")
            return (try row.text("version") + name, "")
        } catch {
            return ("failed", "\(error)")
        }
    }

    // MARK: What goes over TLS

    @Test func whatIsLongArrivesWhole() async throws {
        let site = try Site()
        try await site.prepare()
        let variables = variables(site, "MF_USERS_DB", "verify-full", .goodAuthority)
        let database = PostgresDatabase(try PostgresConfiguration(Variables(variables), prefix: "MF_USERS_DB"))
        let started = ContinuousClock.now

        for size in [1, 8_000, 16_383, 16_384, 16_385, 100_000, 3_000_000] {
            let text = String(repeating: "x", count: size)
            let answer = try await database.read { session in
                try session.query("SELECT $1 || 'y' AS text FROM generate_series(1, 3)", [.text(text)])
            }
            #expect(try answer.map { try $0.text("text") } == Array(repeating: text + "y", count: 3))
        }
        for count in [1, 1_000, 30_000] {
            let answer = try await database.read { session in
                try session.query("SELECT repeat('x', n % 700) AS text FROM generate_series(1, \(count)) n", [])
            }
            #expect(answer.count == count)
        }
        #expect(started.duration(to: .now) < .seconds(10), "something waited for what was there")
    }
}

extension String {
    fileprivate func padded(_ length: Int) -> String { self + String(repeating: " ", count: max(1, length - count)) }
}

/// A server with a certificate for `localhost`, which lets `mainflux` in by password and `certified` by certificate.
private final class Site: Sendable {
    let server: PrivatePostgres
    let authority: TestAuthority
    let otherAuthority: TestAuthority
    /// Of the user `certified`.
    let own: TestAuthority.Pair
    /// The same, signed by an authority that the server doesn't know.
    let foreign: TestAuthority.Pair

    init() throws {
        let folder = try TemporaryFolder()
        authority = try TestAuthority(folder)
        otherAuthority = try TestAuthority(folder, name: "Other CA")
        own = try authority.sign(["certified"])
        foreign = try otherAuthority.sign(["certified"])
        server = try PrivatePostgres()
        let pair = try authority.sign(["localhost"], purpose: .server)
        try server.give(pair.certificatePath, as: "server.crt")
        try server.give(pair.keyPath, as: "server.key")
        try server.give(authority.path, as: "clients.crt")
    }

    func prepare() async throws {
        var configuration = server.configuration
        configuration.connections = 1
        let admin = PostgresDatabase(configuration)
        try await admin.write { session in
            try session.execute("CREATE ROLE mainflux LOGIN PASSWORD 'mainflux'", [])
            try session.execute("CREATE ROLE certified LOGIN", [])
        }
        try server.configure(
            ["ssl = on", "ssl_ca_file = 'clients.crt'"],
            access: ["host all mainflux 127.0.0.1/32 scram-sha-256", "hostssl all certified 127.0.0.1/32 cert"]
        )
    }
}
