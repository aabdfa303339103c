import Foundation
import TestSupport
import Testing

/// Client certificates with lines in an access file.
@Suite("Access by certificate")
struct AccessCertificateTests {
    private let folder: TemporaryFolder
    private let file: AccessFile

    init() throws {
        folder = try TemporaryFolder()
        file = AccessFile(in: folder)
    }

    private func certificates() throws -> Certificates {
        let certificates = try Certificates(in: folder)
        try certificates.make("shipper", signedBy: "ca")
        try certificates.make("stranger", signedBy: "ca")
        try certificates.make(
            "workload", signedBy: "ca", names: "URI:spiffe://cluster/ns/a,DNS:a.svc")
        try certificates.makeAuthority("foreign")
        try certificates.make("forged", signedBy: "foreign", subject: "shipper")
        try file.replace(by: [
            "shipper write certificate:shipper", "mesh read certificate:spiffe://cluster/ns/a",
            "service write certificate:a.svc", "# nobody certificate:stranger",
        ])
        return certificates
    }

    private func status(
        _ service: SecureService, _ identity: [String], _ method: String,
        _ target: String = "/events"
    ) throws -> String {
        let body = method == "POST" ? ["-d", NewEvent(id: "a").json] : []
        return try service.curl(
            identity + body + ["-X", method, "-o", "/dev/null", "-w", "%{http_code}"], path: target
        ).output
    }

    @Test(
        "A certificate may do what the file says of its names", arguments: ["required", "optional"])
    func certificates(_ authentication: String) throws {
        let certificates = try certificates()
        let token = try file.add("reader", "read")
        let service = try SecureService(
            certificates,
            flags: file.flags + [
                "--tls-client-ca", certificates.certificate("ca"), "--tls-client-auth",
                authentication,
            ])
        func status(_ name: String, _ method: String) throws -> String {
            try self.status(service, service.identity(name), method)
        }
        #expect(try status("shipper", "POST") == "201")
        #expect(try status("shipper", "GET") == "403")
        #expect(try status("workload", "GET") == "200")
        #expect(try status("workload", "POST") == "200")
        #expect(try status("workload", "DELETE") == "403")
        #expect(try status("stranger", "GET") == "401")
        // A certificate of another authority does not get this far.
        #expect(try status("forged", "POST") == "000")
        #expect(try self.status(service, service.identity("stranger"), "GET", "/healthz") == "200")
        // If there is a token, it alone decides.
        for (value, code) in [(token, "200"), ("wrong", "401")] {
            let header = ["-H", "Authorization: Bearer \(value)"]
            #expect(try self.status(service, service.identity("shipper") + header, "GET") == code)
            if authentication == "optional" {
                #expect(try self.status(service, header, "GET") == code)
                #expect(try self.status(service, [], "GET") == "401")
            }
        }
        // Without a line, access ends, even on an open connection.
        #expect(
            try service.server.exchange("GET", "/events", headers: AccessFile.bearer(token)).status
                == 200
        )
        try file.replace(by: ["shipper read certificate:shipper"])
        service.server.hangUp()
        try service.server.logLine(containing: "0 tokens, 1 certificates")
        #expect(try status("shipper", "POST") == "403")
        #expect(try status("shipper", "GET") == "200")
        #expect(try status("workload", "GET") == "401")
    }

    @Test(
        "A session that is resumed without the certificate is still its client's",
        arguments: ["-tls1_2", "-tls1_3"])
    func resumption(_ version: String) throws {
        let certificates = try certificates()
        let service = try SecureService(
            certificates, flags: file.flags + ["--tls-client-ca", certificates.certificate("ca")])
        let identity =
            "-cert \(certificates.certificate("workload")) -key \(certificates.key("workload"))"
        let session = folder.file("session.pem")
        for (arguments, kind) in [
            ("\(identity) -sess_out \(session)", "New"), ("-sess_in \(session)", "Reused"),
        ] {
            let answer = try service.request("\(version) \(arguments)", target: "/events")
            #expect(answer.contains("\n\(kind), "))
            #expect(answer.contains("{\"events\":[]"), "\(answer)")
        }
    }
}
