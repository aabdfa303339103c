/// The program's version (https://semver.org), the newest in CHANGELOG.md.
enum Version {
    static let text = "0.1.0"
}
