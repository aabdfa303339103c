// swift-tools-version:6.2
import PackageDescription

/// Each target knows only those listed before it; docs/architecture.md says what each one holds.
let package = Package(
    name: "logbook",
    products: [
        .executable(name: "logbook", targets: ["logbook"]),
        // For programs that are packages of their own: those of Tests/Fuzz, bench/json.
        .library(name: "Events", targets: ["Events"]),
        .library(name: "HTTP", targets: ["HTTP"]),
        .library(name: "HTTPServer", targets: ["HTTPServer"]),
        .library(name: "Ingest", targets: ["Ingest"]),
        .library(name: "JSON", targets: ["JSON"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
    ],
    targets: [
        .target(name: "CLinux"),
        .target(name: "CPostgreSQL"),
        .target(name: "CEmbedded"),
        .systemLibrary(
            name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(
            name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "JSON"),
        .target(name: "SQLite", dependencies: ["CSQLite"]),
        .target(name: "System", dependencies: ["COpenSSL"]),
        .target(name: "PostgreSQL", dependencies: ["CPostgreSQL", "System", "CLinux"]),
        .target(name: "TLS", dependencies: ["System", "COpenSSL"]),
        .target(name: "HTTP", dependencies: ["CZlib"]),
        .target(name: "Events", dependencies: ["JSON"]),
        .target(name: "Ingest", dependencies: ["Events", "JSON", "System"]),
        .target(
            name: "HTTPServer",
            dependencies: [
                "TLS", "System", "CLinux", "COpenSSL",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Access",
            dependencies: [
                "HTTPServer", "Ingest", "TLS", "System", "COpenSSL",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(name: "HTTPClient", dependencies: ["TLS", "System", "CLinux"]),
        .target(name: "EventStore", dependencies: ["Events", "System", "CLinux"]),
        .target(
            name: "Kubernetes",
            dependencies: [
                "HTTPClient", "EventStore", "Ingest", "Events", "JSON", "TLS", "System", "CLinux",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "SQLiteStore",
            dependencies: [
                "EventStore", "System", "CLinux", "SQLite", "Events", "JSON",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "PostgreSQLStore",
            dependencies: [
                "EventStore", "System", "CLinux", "PostgreSQL", "Events",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "LogbookAPI",
            dependencies: [
                "HTTPServer", "HTTP", "Access", "EventStore", "Ingest", "Events", "JSON", "System",
                "CLinux", "CEmbedded",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "logbook",
            dependencies: [
                "LogbookAPI", "Access", "HTTPServer", "HTTPClient", "Kubernetes", "EventStore",
                "SQLiteStore", "PostgreSQLStore", "PostgreSQL", "Ingest", "Events", "JSON", "TLS",
                "System", "CLinux",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "echo",
            dependencies: ["HTTPServer", .product(name: "Logging", package: "swift-log")],
            path: "Examples/echo"),
        .target(
            name: "TestSupport",
            dependencies: [
                "EventStore", "Events", "JSON", "TLS", "System", "CZlib",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Support"),
        .testTarget(name: "JSONTests", dependencies: ["JSON", "TestSupport"]),
        .testTarget(name: "SQLiteTests", dependencies: ["SQLite", "CSQLite", "TestSupport"]),
        .testTarget(
            name: "PostgreSQLTests", dependencies: ["PostgreSQL", "CLinux", "TestSupport"]),
        .testTarget(
            name: "HTTPServerTests",
            dependencies: [
                "HTTPServer", "Access", "TLS", "System", "TestSupport", "CLinux", "COpenSSL",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP", "TestSupport"]),
        .testTarget(name: "AccessTests", dependencies: ["Access"]),
        .testTarget(
            name: "HTTPClientTests",
            dependencies: [
                "HTTPClient", "HTTPServer", "TLS", "System", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "KubernetesTests",
            dependencies: [
                "Kubernetes", "HTTPClient", "EventStore", "SQLiteStore", "Ingest", "Events",
                "System", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "EventsTests", dependencies: ["Events", "JSON", "TestSupport"]),
        .testTarget(
            name: "IngestTests", dependencies: ["Ingest", "Events", "JSON", "TestSupport"]),
        .testTarget(
            name: "SQLiteStoreTests",
            dependencies: [
                "EventStore", "SQLiteStore", "SQLite", "Events", "JSON", "CLinux", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "PostgreSQLStoreTests",
            dependencies: [
                "EventStore", "PostgreSQLStore", "SQLiteStore", "PostgreSQL", "Events", "CLinux",
                "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "EventStore", "SQLiteStore", "PostgreSQLStore", "PostgreSQL", "Events", "Ingest",
                "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(
            name: "LogbookAPITests",
            dependencies: [
                "LogbookAPI", "HTTPServer", "Access", "EventStore", "SQLiteStore", "Events",
                "TestSupport",
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "EndToEndTests", dependencies: ["COpenSSL", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)

// A file uses the members only of what it imports itself, and its public declarations only what it
// imports as public. So the compiler holds the arrows between the targets.
for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ]
}
