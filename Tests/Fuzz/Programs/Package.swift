// swift-tools-version:6.2
import PackageDescription

/// Programs for libFuzzer, which `scripts/fuzz` builds and runs. A separate package, because only
/// they link with libFuzzer, which contains their `main`.
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "logbook", path: "../../..")],
    targets: [
        .fuzzTarget("logbook-fuzz-requests", of: "HTTPServer", path: "Sources/Requests"),
        .fuzzTarget("logbook-fuzz-bodies", of: "HTTPServer", path: "Sources/Bodies"),
        .fuzzTarget("logbook-fuzz-json", of: "JSON", path: "Sources/JSONTexts"),
        .fuzzTarget(
            "logbook-fuzz-senders", of: "Events", "HTTP", "Ingest", "JSON", path: "Sources/Senders"),
    ],
    swiftLanguageModes: [.v6]
)

extension Target {
    static func fuzzTarget(_ name: String, of libraries: String..., path: String) -> Target {
        .executableTarget(
            name: name,
            dependencies: libraries.map { .product(name: $0, package: "logbook") },
            path: path,
            swiftSettings: [.unsafeFlags(["-parse-as-library"])])
    }
}
