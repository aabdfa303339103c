// swift-tools-version:6.2
import PackageDescription

/// A separate package, because it imports Foundation, which nothing that is shipped does.
let package = Package(
    name: "bench",
    dependencies: [.package(name: "logbook", path: "../..")],
    targets: [
        .executableTarget(
            name: "bench-json",
            dependencies: [
                .product(name: "Events", package: "logbook"),
                .product(name: "JSON", package: "logbook"),
            ],
            path: "Sources")
    ],
    swiftLanguageModes: [.v6]
)
