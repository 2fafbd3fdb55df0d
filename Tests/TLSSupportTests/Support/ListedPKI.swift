import Foundation
import NIOSSL
import TestSupport

@testable import TLSSupport

/// A listener that looks at revocation lists.
final class ListedPKI {
    let pki: TestPKI
    let metrics = RecordingMetrics()
    /// Where the lists are: a file, unless a test makes it a folder.
    let place: String
    private var made: ServerTLS?

    init(_ list: TestCRL? = TestCRL(), place: String? = nil) throws {
        pki = try TestPKI()
        self.place = place ?? "\(pki.folder.path)/list"
        if let list { try write(list) }
    }

    var authority: TestAuthority { pki.authority }

    func write(_ list: TestCRL, by authority: TestAuthority? = nil, to name: String? = nil) throws {
        try write(Data((authority ?? pki.authority).crl(list)), to: name)
    }

    func write(_ data: Data, to name: String? = nil) throws {
        try data.write(to: URL(fileURLWithPath: name.map { "\(place)/\($0)" } ?? place), options: .atomic)
    }

    /// - Parameter authorities: a file of them; nil: the one alone.
    func tls(authorities: String? = nil) throws -> ServerTLS {
        if let made { return made }
        let tls = try ServerTLS(
            "test",
            certificate: pki.server.certificatePath,
            key: pki.server.keyPath,
            clientAuthorities: authorities ?? pki.authority.path,
            revocation: RevocationSource(place)
        )
        made = tls
        return tls
    }

    func look(at now: Int = Int(Date.now.timeIntervalSince1970), isAsked: Bool = false) throws {
        try tls().live.look(isAsked: isAsked, at: now, metrics: metrics)
    }

    /// A connection by the certificate; what was seen of it is in it.
    func connect(_ pair: TestAuthority.Pair, _ version: TLSVersion = .tlsv13) throws -> TLSPipe {
        let pipe = try TLSPipe(tls(), client: pki.client(pair, version))
        try pipe.run()
        try? pipe.send("hello")
        return pipe
    }

    func isLetIn(_ pair: TestAuthority.Pair) throws -> Bool { try connect(pair).text == "hello" }

    func problems(_ reason: RevocationProblem.Reason) -> Int64 {
        metrics.total("fluxgate_crl_problems_total{listener=test,reason=\(reason.rawValue)}") ?? 0
    }

    var allProblems: Int64 {
        metrics.all.filter { $0.key.hasPrefix("fluxgate_crl_problems_total") }.values.reduce(0, +)
    }

    var entries: Double? { metrics.measure("fluxgate_crl_entries{listener=test}") }
}
