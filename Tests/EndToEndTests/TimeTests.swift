import Foundation
import Testing

@Suite("created_at")
struct TimeTests {
    private let server: LogbookProcess

    init() throws { server = try LogbookProcess() }

    @Test("Every spelling of a time is stored in UTC with milliseconds, further digits cut")
    func normalised() throws {
        for (written, stored) in [
            ("2026-11-23T10:30:45.123Z", "2026-11-23T10:30:45.123Z"),
            ("2026-11-23T10:30:45Z", "2026-11-23T10:30:45.000Z"),
            ("2026-11-23t10:30:45z", "2026-11-23T10:30:45.000Z"),
            ("2026-11-23T10:30:45.5Z", "2026-11-23T10:30:45.500Z"),
            ("2026-11-23T10:30:45.123999999999Z", "2026-11-23T10:30:45.123Z"),
            ("2026-11-23T10:30:45.0009Z", "2026-11-23T10:30:45.000Z"),
            ("2026-11-23T10:30:45+00:00", "2026-11-23T10:30:45.000Z"),
            ("2026-11-23T10:30:45-00:00", "2026-11-23T10:30:45.000Z"),
            ("2026-11-23T16:00:45.25+05:30", "2026-11-23T10:30:45.250Z"),
            ("2026-12-31T19:00:00-05:00", "2027-01-01T00:00:00.000Z"),
            ("2027-01-01T00:59:59+01:00", "2026-12-31T23:59:59.000Z"),
            ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00.000Z"),
            ("2000-02-29T23:30:00-01:00", "2000-03-01T00:30:00.000Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            ("2099-12-31T23:59:59.999Z", "2099-12-31T23:59:59.999Z"),
        ] {
            let response = try server.post(NewEvent(createdAt: written).json)
            #expect(response.status == 201, "\(written): \(response.text)")
            #expect(try response.decode(StoredEvent.self).createdAt == stored, "\(written)")
        }
    }

    @Test(
        "A time before 1970 or after 2099 is refused",
        arguments: [
            "1969-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "2100-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999Z",
        ])
    func outOfRange(_ written: String) throws {
        let problem = try server.post(NewEvent(createdAt: written).json).problem(422)
        #expect(problem.detail.contains("1970 to 2099"), "\(problem.detail)")
    }

    @Test(
        "An invalid RFC 3339 time is refused",
        arguments: [
            "", "now", "2026-11-23", "2026-11-23T10:30:45", "2026-11-23T10:30Z", "1795429845",
            "2026-11-23 10:30:45", "2026-11-23T10:30:45.Z", "2026-11-23T10:30:45,5Z",
            "2026-11-23T24:00:00Z", "2026-11-23T10:60:00Z", "2026-11-23T10:30:61Z",
            "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
            "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
            "2026-11-23T10:30:45+0100", "2026-11-23T10:30:45+01", "2026-11-23T10:30:45+24:00",
            "2026-11-23T10:30:45+01:60", "2026-11-23T10:30:45ZZ", " 2026-11-23T10:30:45Z",
            "2026-11-23T10:30:45Z\\u0000", "+2026-11-23T10:30:45Z", "20260-11-23T10:30:45Z",
            "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "２０２６-11-23T10:30:45Z",
        ])
    func refused(_ text: String) throws {
        let problem = try server.post(
            #"{"event_type":"x","severity":"info","title":"t","created_at":"\#(text)"}"#
        ).problem(422)
        #expect(problem.pointers == ["/created_at"])
        #expect(problem.detail.contains("RFC 3339"))
    }
}
