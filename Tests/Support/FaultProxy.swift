import Foundation
import Synchronization

/// A proxy before a PostgreSQL server that cuts a connection at a chosen message, or holds up all
/// of them. It listens on a Unix socket; a connection has a thread for each direction
/// (https://www.postgresql.org/docs/15/protocol-message-formats.html).
public final class FaultProxy: Sendable {
    /// A place in the conversation at which a connection is cut.
    public struct Cut: Sendable {
        /// A message, which does not pass.
        public enum Message: Sendable {
            /// The statement, on its way to the server.
            case statement(String)
            /// The server's word that a statement with this tag is done.
            case completion(String)
            /// The first row that the server sends.
            case row
        }

        let message: Message
        let exchange: String

        /// - Parameters:
        ///   - message: the message.
        ///   - exchange: a part of the SQL that the connection has sent since it was last idle, so
        ///     that no other connection is meant.
        public init(_ message: Message, in exchange: String) {
            self.message = message
            self.exchange = exchange
        }
    }

    private struct State {
        var cut: Cut?
        var isSilent = false
        var isClosed = false
        var links: [Link] = []
    }

    private let folder: TemporaryFolder
    private let server: PostgreSQLServer
    private let listener: Int32
    private let state = Locked(State())
    private static let port: UInt16 = 5432

    /// Starts a proxy before `server`.
    public init(_ server: PostgreSQLServer) throws {
        self.server = server
        folder = try TemporaryFolder()
        listener = try Self.socket(at: folder.file(".s.PGSQL.\(Self.port)")) {
            descriptor, address in
            bind(descriptor, address, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                && listen(descriptor, 64) == 0
        }
        let (listener, state, target) = (
            listener, state, server.folder + "/.s.PGSQL.\(server.port)"
        )
        Thread.detachNewThread {
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                guard
                    let upstream = try? Self.socket(
                        at: target,
                        { connect($0, $1, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 })
                else {
                    close(client)
                    continue
                }
                let link = Link(client, upstream, state)
                state.with {
                    if $0.isClosed { link.cut() } else { $0.links.append(link) }
                }
                Thread.detachNewThread { link.copyRequests() }
                Thread.detachNewThread { link.copyAnswers() }
            }
            close(listener)
        }
    }

    deinit {
        state.with { state in
            state.isClosed = true
            state.isSilent = false
            state.links.forEach { $0.cut() }
        }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// The URL of a database through the proxy.
    public func url(_ database: String) -> String {
        "postgresql://logbook@/\(database)?host=\(PostgreSQLServer.escaped(folder.path))&port=\(Self.port)"
    }

    /// Cuts the first connection that comes to `cut`.
    public func cutOnce(_ cut: Cut) { state.with { $0.cut = cut } }

    /// True once the last cut was made.
    public var hasCut: Bool { state.with { $0.cut == nil } }

    /// Has no more bytes pass, in any direction, or lets them pass again. Connections stay open.
    public func beSilent(_ isSilent: Bool) { state.with { $0.isSilent = isSilent } }

    // MARK: Connections

    private static func socket(
        at path: String, _ use: (Int32, UnsafePointer<sockaddr>) -> Bool
    ) throws -> Int32 {
        let descriptor = Glibc.socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let isUsed = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { use(descriptor, $0) }
        }
        guard isUsed else {
            close(descriptor)
            throw Companion.Failure(text: "\(path) is no use: \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    /// A value behind a lock whose changes can be awaited.
    private final class Locked<Value>: @unchecked Sendable {
        private let condition = NSCondition()
        private var value: Value

        init(_ value: Value) { self.value = value }

        func with<Result>(_ body: (inout Value) -> Result) -> Result {
            condition.lock()
            defer {
                condition.broadcast()
                condition.unlock()
            }
            return body(&value)
        }

        func wait(while body: (Value) -> Bool) {
            condition.lock()
            while body(value) { condition.wait() }
            condition.unlock()
        }
    }

    /// A client's connection and the one to the server.
    ///
    /// `@unchecked Sendable`: each direction is used by one thread; the SQL is behind a lock.
    private final class Link: @unchecked Sendable {
        private let client, upstream: Int32
        private let state: Locked<State>
        /// The SQL since the connection was last idle, and the named statements.
        private let sql = Mutex<(exchange: String, named: [String: String])>(("", [:]))
        private let openEnds = Atomic(2)

        init(_ client: Int32, _ upstream: Int32, _ state: Locked<State>) {
            self.client = client
            self.upstream = upstream
            self.state = state
        }

        func cut() {
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(upstream, Int32(SHUT_RDWR))
        }

        private func end() {
            cut()
            guard openEnds.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else {
                return
            }
            state.with { state in state.links.removeAll { $0 === self } }
            close(client)
            close(upstream)
        }

        /// True if the connection was to be cut here.
        private func isCut(_ isMeant: (Cut.Message) -> Bool) -> Bool {
            let exchange = sql.withLock(\.exchange)
            return state.with { state in
                guard let cut = state.cut, isMeant(cut.message), exchange.contains(cut.exchange)
                else { return false }
                state.cut = nil
                return true
            }
        }

        func copyRequests() {
            defer { end() }
            // The first message has no type. One that cancels is all that comes.
            guard let first = read(client, typed: false), pass(first, to: upstream) else { return }
            while let message = read(client, typed: true) {
                var texts = message.dropFirst(5).split(
                    separator: 0, maxSplits: 2, omittingEmptySubsequences: false
                ).map { String(decoding: $0, as: UTF8.self) }
                texts += ["", ""]
                var statement: String?
                switch message[0] {
                case UInt8(ascii: "P"):
                    sql.withLock { $0.named[texts[0]] = texts[1] }
                case UInt8(ascii: "B"):
                    // A bind names the portal first.
                    statement = sql.withLock { $0.named[texts[1]] }
                case UInt8(ascii: "Q"): statement = texts[0]
                default: break
                }
                if let statement {
                    sql.withLock { $0.exchange += statement + "\n" }
                    if isCut({ if case .statement(statement) = $0 { true } else { false } }) {
                        return
                    }
                }
                guard pass(message, to: upstream) else { return }
            }
        }

        func copyAnswers() {
            defer { end() }
            while let message = read(upstream, typed: true) {
                switch message[0] {
                case UInt8(ascii: "C"):
                    let tag = String(decoding: message.dropFirst(5).dropLast(), as: UTF8.self)
                    if isCut({ if case .completion(tag) = $0 { true } else { false } }) { return }
                case UInt8(ascii: "D"):
                    if isCut({ if case .row = $0 { true } else { false } }) { return }
                case UInt8(ascii: "Z") where message.last == UInt8(ascii: "I"):
                    sql.withLock { $0.exchange = "" }
                default: break
                }
                guard pass(message, to: client) else { return }
            }
        }

        private func read(_ descriptor: Int32, typed: Bool) -> [UInt8]? {
            let head = typed ? 5 : 4
            guard var message = read(descriptor, head) else { return nil }
            let length = message.suffix(4).reduce(0) { $0 << 8 | Int($1) } - 4
            guard length >= 0, let rest = read(descriptor, length) else { return nil }
            message += rest
            return message
        }

        private func read(_ descriptor: Int32, _ count: Int) -> [UInt8]? {
            var bytes = [UInt8](repeating: 0, count: count)
            var filled = 0
            while filled < count {
                let got = bytes.withUnsafeMutableBytes {
                    Glibc.read(descriptor, $0.baseAddress! + filled, count - filled)
                }
                guard got > 0 else { return nil }
                filled += got
            }
            return bytes
        }

        private func pass(_ message: [UInt8], to descriptor: Int32) -> Bool {
            state.wait { $0.isSilent }
            var sent = 0
            while sent < message.count {
                let count = message.withUnsafeBytes {
                    send(
                        descriptor, $0.baseAddress! + sent, message.count - sent,
                        Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }
}
