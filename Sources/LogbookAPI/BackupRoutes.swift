import Access
import Dispatch
import EventStore
import HTTPServer
import Synchronization

/// A backup of the database over HTTP.
extension LogbookAPI {
    private static let pieceBytes = 64 * 1024
    private static let reading = DispatchQueue(label: "logbook.backup", qos: .utility)

    var backupRoutes: [Route] {
        [
            route(
                .get, "/backup",
                "a consistent copy of the database file, checked before it is sent",
                scope: .admin,
                statuses: [
                    .ok, .badRequest, .internalServerError, .notImplemented, .serviceUnavailable,
                ], getBackup)
        ]
    }

    private func getBackup(_ request: Request, _ response: inout Response) throws(Problem) {
        _ = try parameters(request, known: [])
        let pending = request.postpone()
        repository.backUp(for: request.client) { result in
            pending.complete { response in
                do throws(StoreError) {
                    Self.send(try result.get(), &response)
                } catch {
                    Problem(error).write(to: &response)
                }
            }
        }
    }

    private static func send(_ file: any BackupContent, _ response: inout Response) {
        response.contentType = file.mediaType
        response.addHeader("Cache-Control", "no-store")
        response.addHeader(
            "Content-Disposition", Array("attachment; filename=\"\(file.fileName)\"".utf8))
        let sent = SentBytes()
        response.source = { demand in
            // Reading from the disk may block, and an event loop must not.
            reading.async {
                let offset = sent.count.load(ordering: .relaxed)
                guard let bytes = file.read(at: offset, pieceBytes) else { return demand.fail() }
                sent.count.store(offset + Int64(bytes.count), ordering: .relaxed)
                if offset + Int64(bytes.count) >= file.bytes {
                    demand.finish(bytes)
                } else if bytes.isEmpty {
                    demand.fail()
                } else {
                    demand.send(bytes)
                }
            }
        }
    }

    private final class SentBytes: Sendable {
        let count = Atomic<Int64>(0)
    }
}
