import Access
import ArgumentParser
import HTTPServer
import Logging

/// Access control for the addresses of `--listen`.
struct AccessOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The file that lists who may read, write and administer, by token hash or client certificate; read again on SIGHUP and when it changes. (default: none)",
            valueName: "path"),
        completion: .file())
    var accessFile: String?

    @Option(
        defaultAsFlag: true, parsing: .next,
        help:
            "Refuse to start if an address of --listen would let anyone in (true or false). (default: false)"
    )
    var requireAuth: Bool?

    /// All flags above, for the environment.
    static let valueFlags = ["access-file", "require-auth"]

    private static let realm = "logbook"

    /// Reads the access file; nil if there is none.
    func control(_ logger: Logger) throws(AccessError) -> AccessControl? {
        guard let accessFile else { return nil }
        return try AccessControl(path: accessFile, realm: Self.realm, logger: logger)
    }

    /// Refuses addresses that admit anyone, if `--require-auth` forbids that.
    func check(_ listening: ListenOptions) throws {
        guard requireAuth == true, accessFile == nil, let open = try listening.unguarded.first
        else {
            return
        }
        throw ValidationError(
            "--require-auth: anyone who reaches \(open) could read, store and delete events; set --access-file, or use only https:// addresses with --tls-client-ca"
        )
    }

    /// Warns once if other machines are admitted without credentials.
    func warn(_ listening: ListenOptions, _ logger: Logger) throws {
        guard accessFile == nil else { return }
        let open = try listening.unguarded.filter { !$0.isLoopback }
        guard !open.isEmpty else { return }
        logger.warning(
            "Anyone who reaches \(open.map(\.description).joined(separator: ", ")) can read, store and delete events: there is no --access-file"
        )
    }
}
