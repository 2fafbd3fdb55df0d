// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    // Without it generic types of one module run unspecialized in another: 3 times slower where messages pass.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

extension Target.Dependency {
    static func nio(_ name: String) -> Self { .product(name: name, package: "swift-nio") }
    static let nioSSL: Self = .product(name: "NIOSSL", package: "swift-nio-ssl")
    static let certificates: Self = .product(name: "X509", package: "swift-certificates")
    static let logging: Self = .product(name: "Logging", package: "swift-log")
    static let metrics: Self = .product(name: "Metrics", package: "swift-metrics")
    static let serviceLifecycle: Self = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let crypto: Self = .product(name: "Crypto", package: "swift-crypto")
    static let hummingbird: Self = .product(name: "Hummingbird", package: "hummingbird")
    static let httpTypes: Self = .product(name: "HTTPTypes", package: "swift-http-types")
    static let grpc: Self = .product(name: "GRPCCore", package: "grpc-swift-2")
    static let grpcTransport: Self = .product(
        name: "GRPCNIOTransportHTTP2Posix",
        package: "grpc-swift-nio-transport"
    )
    static let protobuf: Self = .product(name: "SwiftProtobuf", package: "swift-protobuf")
    static let argumentParser: Self = .product(name: "ArgumentParser", package: "swift-argument-parser")
}

/// A library target; every one is built with the same settings.
func library(_ name: String, _ path: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(path)", swiftSettings: settings)
}

/// An executable target; its product has another name.
func program(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: "Sources/\(path)", swiftSettings: settings)
}

/// What the programs of all adapters stand on.
let adapterProgram: [Target.Dependency] = [
    "AdapterBackend", "AdapterServer", "AdapterTransport", "Bootstrap", "Programs", .argumentParser,
]

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: settings)
}

let package = Package(
    name: "fluxgate",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "fluxgate", targets: ["fluxgate"]),
        .executable(name: "users", targets: ["UsersServer"]),
        .executable(name: "things", targets: ["ThingsServer"]),
        .executable(name: "http-adapter", targets: ["HTTPAdapterServer"]),
        .executable(name: "ws-adapter", targets: ["WSAdapterServer"]),
        .executable(name: "mqtt-adapter", targets: ["MQTTAdapterServer"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0", traits: []),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf.git", from: "2.4.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
    ],
    targets: [
        // Ring 0: values.
        library("Model", "Shared/Model"),

        // Ring 1: rules and ports, no I/O.
        library("Messaging", "Shared/Messaging", ["Model", .nio("NIOCore")]),
        library("UsersCore", "Users/Core", ["Model", .logging]),
        library("ThingsCore", "Things/Core", ["Model", .logging]),
        library("AdaptersCore", "Adapters/Core", ["Model", "Messaging"]),
        library("MQTTCodec", "Adapters/MQTT/Codec", [.nio("NIOCore")]),
        library(
            "MQTTSession",
            "Adapters/MQTT/Session",
            ["MQTTCodec", .nio("NIOCore"), .product(name: "DequeModule", package: "swift-collections")]
        ),

        // Ring 2: what the rules reach out to.
        library("SQL", "Shared/SQL", ["Model"]),
        library(
            "SQLiteDriver",
            "Shared/SQLiteDriver",
            ["SQL", "Model", .product(name: "GRDB", package: "GRDB.swift")]
        ),
        .systemLibrary(name: "CMalloc", path: "Sources/Shared/CMalloc"),
        .systemLibrary(
            name: "CLibPQ",
            path: "Sources/Shared/CLibPQ",
            pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"]), .brew(["libpq"])]
        ),
        library(
            "PostgresDriver",
            "Shared/PostgresDriver",
            ["SQL", "Model", "CLibPQ", .product(name: "CoreMetrics", package: "swift-metrics")]
        ),
        .systemLibrary(
            name: "CNATS",
            path: "Sources/Shared/CNATS",
            pkgConfig: "libnats",
            providers: [.apt(["libnats-dev"]), .brew(["cnats"])]
        ),
        library(
            "NATSBus",
            "Shared/NATSBus",
            ["CNATS", "Messaging", "Model", .crypto, .logging, .metrics, .nio("NIOCore")]
        ),
        library(
            "InternalAPI",
            "Shared/InternalAPI",
            [.grpc, .protobuf, .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf")]
        ),
        library(
            "RPCSupport",
            "Shared/RPCSupport",
            [
                "Model", "TLSSupport", .grpc, .grpcTransport, .logging, .metrics, .serviceLifecycle, .nio("NIOCore"),
                .nio("NIOPosix"),
            ]
        ),
        library("UsersStorage", "Users/Storage", ["UsersCore", "SQL", "Model"]),
        library(
            "UsersSecurity",
            "Users/Security",
            [
                "UsersCore", "Model", .crypto, .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "JWTKit", package: "jwt-kit"),
            ]
        ),
        library("ThingsStorage", "Things/Storage", ["ThingsCore", "SQL", "Model", .crypto, .logging, .metrics]),

        // What every part is told by the operator, and what it tells back.
        library(
            "Bootstrap",
            "Shared/Bootstrap",
            [
                "Model", "TLSSupport", .logging, .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Configuration", package: "swift-configuration"), .nio("NIOCore"),
            ]
        ),

        library(
            "AdaptersRemote",
            "Adapters/Remote",
            [
                "AdapterTransport", "InternalAPI", "Messaging", "Model", "NATSBus", "RPCSupport", .grpc, .protobuf,
                .logging,
                .metrics, .nio("NIOCore"),
            ]
        ),
        library(
            "ThingsRemote",
            "Things/Remote",
            [
                "InternalAPI", "Messaging", "Model", "NATSBus", "RPCSupport", "ThingsCore", .grpc, .protobuf, .logging,
                .metrics, .serviceLifecycle,
                .nio("NIOCore"),
            ]
        ),
        library("UsersRemote", "Users/Remote", ["Messaging", "Model", "NATSBus", "UsersCore", .nio("NIOCore")]),

        // Ring 2: what reaches the rules.
        library(
            "TLSSupport",
            "Shared/TLSSupport",
            [
                "Model", .nioSSL, .certificates, .crypto, .logging, .metrics, .nio("NIOCore"), .nio("NIOTLS"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ]
        ),
        library(
            "HTTPSupport",
            "Shared/HTTPSupport",
            [
                "Model", "TLSSupport", .hummingbird, .product(name: "HummingbirdCore", package: "hummingbird"),
                .httpTypes, .logging,
                .metrics, .serviceLifecycle, .nio("NIOCore"), .nio("NIOHTTP1"),
            ]
        ),
        library("UsersRPC", "Users/RPC", ["InternalAPI", "Model", "UsersCore", .grpc, .protobuf]),
        library(
            "ThingsRPC",
            "Things/RPC",
            ["InternalAPI", "Model", "ThingsCore", .grpc, .protobuf, .serviceLifecycle]
        ),
        library("UsersAPI", "Users/API", ["UsersCore", "HTTPSupport", "Model", .hummingbird, .httpTypes, .logging]),
        library("ThingsAPI", "Things/API", ["ThingsCore", "HTTPSupport", "Model", .hummingbird, .httpTypes, .logging]),
        library(
            "AdapterTransport",
            "Adapters/Transport",
            [
                "AdaptersCore", "Bootstrap", "HTTPSupport", "Messaging", "Model", "TLSSupport", .nio("NIOCore"),
                .nio("NIOPosix"),
                .nio("NIOHTTP1"),
                .nio("NIOWebSocket"),
                .crypto, .logging, .metrics, .serviceLifecycle,
                .product(name: "DequeModule", package: "swift-collections"),
            ]
        ),
        library(
            "HTTPAdapter",
            "Adapters/HTTP",
            [
                "AdaptersCore", "AdapterTransport", "Bootstrap", "Messaging", "Model", "TLSSupport", .nio("NIOCore"),
                .nio("NIOHTTP1"),
            ]
        ),
        library(
            "WSAdapter",
            "Adapters/WS",
            [
                "AdaptersCore", "AdapterTransport", "Bootstrap", "Messaging", "Model", "TLSSupport", .nio("NIOCore"),
                .nio("NIOHTTP1"), .nio("NIOWebSocket"), .product(name: "DequeModule", package: "swift-collections"),
            ]
        ),
        library(
            "MQTTAdapter",
            "Adapters/MQTT/Transport",
            [
                "AdaptersCore", "AdapterTransport", "Bootstrap", "MQTTCodec", "MQTTSession", "Messaging", "Model",
                "TLSSupport", .product(name: "DequeModule", package: "swift-collections"),
                .nio("NIOCore"), .nio("NIOHTTP1"), .nio("NIOWebSocket"),
            ]
        ),

        // Ring 3: programs.
        library(
            "MQTTRemote",
            "Adapters/MQTT/Remote",
            [
                "AdapterBackend", "Bootstrap", "MQTTAdapter", "MQTTSession", "Messaging", "Model", "NATSBus", .crypto,
                .logging,
                .nio("NIOCore"),
            ]
        ),
        library(
            "Programs",
            "Shared/Programs",
            [
                "Bootstrap", "CMalloc", "HTTPSupport", "Model", "TLSSupport", .argumentParser, .logging,
                .serviceLifecycle,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .nioSSL,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .nio("NIOCore"), .nio("NIOHTTP1"), .nio("NIOPosix"), .hummingbird, .httpTypes,
            ]
        ),
        library(
            "PostgresSettings",
            "Shared/PostgresSettings",
            ["Bootstrap", "Model", "PostgresDriver", "TLSSupport", .nioSSL]
        ),
        library("RemoteSettings", "Shared/RemoteSettings", ["Bootstrap", "NATSBus", "RPCSupport", "Model", .nioSSL]),
        library(
            "AdapterBackend",
            "Adapters/Backend",
            [
                "AdapterServer", "AdapterTransport", "AdaptersRemote", "Bootstrap", "Model", "NATSBus", "Programs",
                "Messaging", "RPCSupport", "RemoteSettings", .logging, .serviceLifecycle,
            ]
        ),
        program(
            "UsersServer",
            "Users/Server",
            [
                "Bootstrap", "Messaging", "Model", "NATSBus", "PostgresDriver", "PostgresSettings", "Programs",
                "RPCSupport",
                "RemoteSettings", "SQL", "TLSSupport", "UsersAPI", "UsersCore", "UsersRPC", "UsersRemote",
                "UsersSecurity", "UsersStorage", .argumentParser, .serviceLifecycle,
            ]
        ),
        program(
            "ThingsServer",
            "Things/Server",
            [
                "Bootstrap", "Model", "NATSBus", "PostgresDriver", "PostgresSettings", "Programs", "RPCSupport",
                "RemoteSettings", "SQL", "TLSSupport", "ThingsAPI", "ThingsCore", "ThingsRPC", "ThingsRemote",
                "ThingsStorage", .argumentParser, .serviceLifecycle,
            ]
        ),
        program("HTTPAdapterServer", "Adapters/Programs/HTTP", adapterProgram + ["HTTPAdapter"]),
        program("WSAdapterServer", "Adapters/Programs/WS", adapterProgram + ["WSAdapter"]),
        program("MQTTAdapterServer", "Adapters/Programs/MQTT", adapterProgram + ["MQTTAdapter", "MQTTRemote"]),
        library("AdapterServer", "Adapters/Server", ["AdapterTransport", "Bootstrap", "Programs"]),
        library(
            "FluxgateServer",
            "Fluxgate/Server",
            [
                "AdapterServer", "AdapterTransport", "Bootstrap", "HTTPAdapter", "HTTPSupport", "MQTTAdapter",
                "MQTTSession", "Messaging", "Model",
                "Programs", "SQL", "SQLiteDriver", "TLSSupport", "ThingsAPI", "ThingsCore", "ThingsStorage", "UsersAPI",
                "UsersCore", "UsersSecurity", "UsersStorage", "WSAdapter", .argumentParser, .logging, .metrics,
                .serviceLifecycle, .nio("NIOCore"), .product(name: "DequeModule", package: "swift-collections"),
            ]
        ),
        library(
            "FluxgateClient",
            "Fluxgate/Client",
            [
                "Bootstrap", "MQTTCodec", "Messaging", "Model", .argumentParser, .nioSSL,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .nio("NIOCore"), .nio("NIOPosix"), .nio("NIOHTTP1"), .nio("NIOWebSocket"),
            ]
        ),
        library(
            "FluxgateDev",
            "Fluxgate/Dev",
            [
                "Programs", .argumentParser, .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .nio("NIOCore"), .nio("NIOPosix"),
            ]
        ),
        .executableTarget(
            name: "fluxgate",
            dependencies: ["Bootstrap", "FluxgateClient", "FluxgateDev", "FluxgateServer", .argumentParser],
            path: "Sources/Fluxgate/Main",
            swiftSettings: settings
        ),

        // What an adapter asks, without its listeners: for measurements only.
        .executableTarget(
            name: "accessload",
            dependencies: [
                "AdapterTransport", "AdaptersRemote", "Messaging", "Model", "RPCSupport", .argumentParser,
                .nio("NIOCore"), .nio("NIOPosix"),
            ],
            path: "Benchmarks/access",
            swiftSettings: settings
        ),

        // The paths of a message, one by one: for measurements only.
        .executableTarget(
            name: "hotpaths",
            dependencies: ["MQTTCodec", "MQTTSession", "Messaging", "Model", .argumentParser, .nio("NIOCore")],
            path: "Benchmarks/paths",
            exclude: ["thresholds.json"],
            swiftSettings: settings
        ),

        // Tests.
        .target(
            name: "TestSupport",
            dependencies: [
                "Messaging", "Model", "PostgresDriver", "SQL", "SQLiteDriver", "ThingsCore", "UsersCore",
                .nio("NIOCore"), .nio("NIOEmbedded"), .nio("NIOPosix"),
                .certificates, .crypto, .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "CoreMetrics", package: "swift-metrics"),
            ],
            path: "Tests/TestSupport",
            swiftSettings: settings
        ),
        tests("ModelTests", ["Model"]),
        tests("MessagingTests", ["Messaging", "Model", "TestSupport", .nio("NIOCore"), .nio("NIOEmbedded")]),
        tests("NATSBusTests", ["NATSBus", "Messaging", "Model", "TestSupport", .logging, .nio("NIOCore")]),
        tests(
            "RemoteTests",
            [
                "AdaptersRemote", "Bootstrap", "Messaging", "Model", "NATSBus", "RPCSupport", "RemoteSettings",
                "TLSSupport",
                "TestSupport", "ThingsCore", "ThingsRPC", "ThingsRemote", "UsersCore", "UsersRemote", .logging,
                .nio("NIOCore"), .nio("NIOPosix"),
            ]
        ),
        tests(
            "SQLTests",
            ["PostgresDriver", "SQL", "Model", "TestSupport", .nio("NIOCore")]
        ),
        tests(
            "PostgresSettingsTests",
            ["PostgresSettings", "PostgresDriver", "Bootstrap", "Model", "SQL", "TestSupport"]
        ),
        tests(
            "TLSSupportTests",
            [
                "TLSSupport", "TestSupport", .nioSSL, .certificates, .logging, .nio("NIOCore"), .nio("NIOEmbedded"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ]
        ),
        tests(
            "BootstrapTests",
            [
                "Bootstrap", "Model", .logging, .metrics, .product(name: "CoreMetrics", package: "swift-metrics"),
                .product(name: "Configuration", package: "swift-configuration"),
            ]
        ),
        tests(
            "FluxgateServerTests",
            [
                "FluxgateServer", "FluxgateClient", "AdapterTransport", "HTTPSupport", "MQTTAdapter", "MQTTSession",
                "Bootstrap",
                "Messaging", "Model", "SQL", "TLSSupport", "TestSupport", .logging, .nio("NIOCore"),
            ]
        ),
        tests(
            "HTTPSupportTests",
            [
                "HTTPSupport", "Model", "TestSupport", .hummingbird, .httpTypes, .logging, .serviceLifecycle,
                .nio("NIOCore"), .nio("NIOPosix"), .nio("NIOEmbedded"), .nio("NIOHTTP1"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]
        ),
        tests(
            "UsersTests",
            [
                "UsersAPI", "UsersCore", "UsersSecurity", "UsersStorage", "HTTPSupport", "Model", "SQL", "SQLiteDriver",
                "TestSupport",
                .hummingbird, .httpTypes, .nio("NIOCore"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "JWTKit", package: "jwt-kit"),
            ]
        ),
        tests(
            "ThingsTests",
            [
                "ThingsAPI", "ThingsCore", "ThingsStorage", "HTTPSupport", "Model", "SQL", "SQLiteDriver",
                "TestSupport",
                .hummingbird, .httpTypes, .nio("NIOCore"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]
        ),
        tests("MQTTCodecTests", ["MQTTCodec", .nio("NIOCore")]),
        tests("MQTTSessionTests", ["MQTTSession", "MQTTCodec", "Messaging", "Model", "TestSupport", .nio("NIOCore")]),
        tests(
            "AdapterTests",
            [
                "AdaptersCore", "AdapterTransport", "HTTPAdapter", "WSAdapter", "MQTTAdapter", "MQTTCodec",
                "MQTTSession", "Messaging",
                "Model", "TLSSupport", "TestSupport", .nio("NIOCore"), .nio("NIOEmbedded"), .nio("NIOHTTP1"),
                .nio("NIOPosix"),
                .nio("NIOWebSocket"), .certificates, .product(name: "SwiftASN1", package: "swift-asn1"),
            ]
        ),
        tests(
            "FluxgateClientTests",
            [
                "FluxgateClient", "MQTTCodec", "Messaging", "Model", "TestSupport", .argumentParser, .nio("NIOCore"),
                .nio("NIOPosix"),
                .nio("NIOHTTP1"), .nio("NIOWebSocket"),
            ]
        ),
    ]
)
