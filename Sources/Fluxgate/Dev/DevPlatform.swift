internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import Programs
internal import Synchronization

/// PostgreSQL, NATS and the five programs, on this machine.
struct DevPlatform: Sendable {
    /// A program, what it is to the others, and the variables of its ports with the usual ones.
    private struct Plan: Sendable {
        let program: String
        let ports: KeyValuePairs<String, Int>
        let isAdapter: Bool

        static let all = [
            Plan(
                program: "users",
                ports: ["MF_USERS_HTTP_PORT": 8180, "MF_USERS_GRPC_PORT": 8181, "MF_USERS_OPS_PORT": 8191],
                isAdapter: false
            ),
            Plan(
                program: "things",
                ports: [
                    "MF_THINGS_HTTP_PORT": 8182, "MF_THINGS_AUTH_GRPC_PORT": 8183, "MF_THINGS_AUTH_HTTP_PORT": 8989,
                    "MF_THINGS_OPS_PORT": 8192,
                ],
                isAdapter: false
            ),
            Plan(
                program: "http-adapter",
                ports: ["MF_HTTP_ADAPTER_PORT": 8185, "MF_HTTP_ADAPTER_OPS_PORT": 8193],
                isAdapter: true
            ),
            Plan(
                program: "ws-adapter",
                ports: ["MF_WS_ADAPTER_PORT": 8186, "MF_WS_ADAPTER_OPS_PORT": 8194],
                isAdapter: true
            ),
            Plan(
                program: "mqtt-adapter",
                ports: [
                    "MF_MQTT_ADAPTER_PORT": 1883, "MF_MQTT_ADAPTER_TLS_PORT": 8883, "MF_MQTT_ADAPTER_WS_PORT": 8880,
                    "MF_MQTT_ADAPTER_OPS_PORT": 8195,
                ],
                isAdapter: true
            ),
        ]
    }

    /// One program to run.
    private struct Copy: Sendable {
        let name: String
        let program: String
        let ports: [(variable: String, port: Int)]
    }

    private let folder: DevFolder
    private let copies: [Copy]
    private let environment: [String: String]
    private let postgres: DevPostgres
    private let natsPort: Int
    private let running = DevProcesses()

    /// Chooses the ports and prepares the database.
    init(folder: DevFolder, copies count: Int) async throws {
        self.folder = folder
        let given = ProcessInfo.processInfo.environment
        var ports = FreePorts()
        var copies: [Copy] = []
        for number in 1...count {
            for plan in Plan.all where number == 1 || plan.isAdapter {
                var chosen: [(String, Int)] = []
                for (variable, usual) in plan.ports {
                    let wanted = number == 1 ? given[variable].flatMap { Int($0) } ?? usual : usual
                    chosen.append((variable, try await ports.next(preferring: wanted)))
                }
                let name = number == 1 ? plan.program : "\(plan.program)-\(number)"
                copies.append(Copy(name: name, program: plan.program, ports: chosen))
            }
        }
        self.copies = copies
        natsPort = try await ports.next(preferring: 4222)
        postgres = try DevPostgres(port: try await ports.next(preferring: 5432), folder: folder)

        func port(_ variable: String) -> Int { copies.lazy.flatMap(\.ports).first { $0.0 == variable }?.1 ?? 0 }
        var environment = given
        for prefix in ["MF_USERS_DB", "MF_THINGS_DB"] {
            environment["\(prefix)_HOST"] = "127.0.0.1"
            environment["\(prefix)_PORT"] = "\(postgres.port)"
            environment["\(prefix)_USER"] = DevPostgres.user
            environment["\(prefix)_PASS"] = postgres.password
        }
        environment["MF_NATS_URL"] = "nats://127.0.0.1:\(natsPort)"
        environment["MF_USERS_URL"] = "localhost:\(port("MF_USERS_GRPC_PORT"))"
        environment["MF_THINGS_URL"] = "localhost:\(port("MF_THINGS_AUTH_GRPC_PORT"))"
        for name in ["MF_USERS_SECRET", "MF_THINGS_SECRET"] where given[name]?.isEmpty ?? true {
            environment[name] = try folder.kept(name.lowercased()) { UUID().uuidString + UUID().uuidString }
        }
        for listener in ["USERS_HTTP", "THINGS_HTTP", "HTTP_ADAPTER", "WS_ADAPTER", "MQTT_ADAPTER"] {
            let name = "MF_\(listener)_HOST"
            environment[name] = given[name] ?? given["MF_HOST"] ?? "127.0.0.1"
        }
        environment["MF_HOST"] = nil
        self.environment = environment
    }

    /// Starts everything. Throws unless all are ready within a minute.
    func start() async throws {
        running.add(try postgres.start(environment))
        running.add(try DevNATS.start(port: natsPort, folder: folder, environment: environment))
        let beside = URL(fileURLWithPath: try Self.ownPath()).deletingLastPathComponent().path
        for copy in copies {
            let ports = Dictionary(copy.ports.map { ($0.variable, "\($0.port)") }) { $1 }
            let environment = environment.merging(ports) { $1 }
            running.add(
                try DevProcess(copy.name, ["\(beside)/\(copy.program)"], environment: environment, folder: folder)
            )
        }
        let deadline = ContinuousClock.now + .seconds(60)
        for copy in copies {
            while !(await isReady(copy)) {
                try running.check()
                guard ContinuousClock.now < deadline else { throw DevError("\(copy.name) isn't ready after a minute") }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private func isReady(_ copy: Copy) async -> Bool {
        guard let port = copy.ports.first(where: { $0.variable.hasSuffix("OPS_PORT") })?.port else { return false }
        return await HealthCheck.isReady(port: port, isSecure: false)
    }

    /// Returns only by throwing: when a program has ended that shouldn't have, or the task is canceled.
    func waitForAnEnd() async throws {
        while true {
            try running.check()
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// Ends everything, in the opposite order.
    func stop() async {
        for process in running.all.reversed() {
            // PostgreSQL would wait for its clients on SIGTERM.
            await process.stop(process.name == "postgres" ? SIGINT : SIGTERM)
        }
    }

    var summary: String {
        let titles = [
            "MF_USERS_HTTP_PORT": "users API", "MF_THINGS_HTTP_PORT": "things API",
            "MF_HTTP_ADAPTER_PORT": "publish over HTTP", "MF_WS_ADAPTER_PORT": "WebSocket",
            "MF_MQTT_ADAPTER_PORT": "MQTT",
            "MF_MQTT_ADAPTER_WS_PORT": "MQTT over WebSocket",
        ]
        var lines = ["Fluxgate's separate programs are running, on a PostgreSQL and a NATS of their own."]
        for copy in copies {
            for (variable, port) in copy.ports {
                guard let title = titles[variable] else { continue }
                lines.append("  \(pad(title, 22))\(pad("127.0.0.1:\(port)", 18))\(copy.name)")
            }
        }
        lines.append("  \(pad("PostgreSQL", 22))127.0.0.1:\(postgres.port)")
        lines.append("  \(pad("NATS", 22))127.0.0.1:\(natsPort)")
        lines.append("  \(pad("data and logs", 22))\(folder.path)")
        let exports = copies.prefix(Plan.all.count).flatMap(\.ports).map { "\($0.variable)=\($0.port)" }
        lines.append("For other shells:")
        lines.append("  export " + exports.joined(separator: " "))
        return lines.joined(separator: "\n")
    }

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }

    private static func ownPath() throws -> String {
        guard let path = Bundle.main.executablePath else { throw DevError("where is this program?") }
        return path
    }
}

/// What was started, in that order.
final class DevProcesses: Sendable {
    private let processes = Mutex<[DevProcess]>([])

    func add(_ process: DevProcess) { processes.withLock { $0.append(process) } }

    var all: [DevProcess] { processes.withLock { $0 } }

    /// Throws if one has ended.
    func check() throws {
        guard let ended = all.first(where: { !$0.isRunning }) else { return }
        throw DevError("\(ended.name) has ended:\n\(ended.lastWords)")
    }
}

/// Chooses ports that nobody listens on.
struct FreePorts {
    private var given: Set<Int> = []

    mutating func next(preferring wanted: Int) async throws -> Int {
        if !given.contains(wanted), let port = await Self.bind(wanted) { return remember(port) }
        for _ in 0..<100 {
            if let port = await Self.bind(0), !given.contains(port) { return remember(port) }
        }
        throw DevError("no port is free")
    }

    private mutating func remember(_ port: Int) -> Int {
        given.insert(port)
        return port
    }

    private static func bind(_ port: Int) async -> Int? {
        let server = ServerBootstrap(group: NIOSingletons.posixEventLoopGroup)
        guard let channel = try? await server.bind(host: "127.0.0.1", port: port).get() else { return nil }
        let bound = channel.localAddress?.port
        try? await channel.close().get()
        return bound
    }
}
