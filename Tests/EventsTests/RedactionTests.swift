import JSON
import Testing

@testable import Events

@Suite("Redaction")
struct RedactionTests {
    private static let usual = Redaction(keys: Redaction.usualKeys)

    /// Redacts `json`; nil if nothing was replaced.
    private static func redact(_ json: String, _ redaction: Redaction = usual) throws -> String? {
        try Array(json.utf8).withUnsafeBytes { bytes in
            try redaction.redact(bytes).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    @Test(
        "Values under a key that names a secret are replaced, whatever they are and however deep",
        arguments: [
            (#"{"password":"x"}"#, #"{"password":"[REDACTED]"}"#),
            (#"{"password":""}"#, #"{"password":"[REDACTED]"}"#),
            (#"{"a":1.10,"token":12,"b":[]}"#, #"{"a":1.10,"token":"[REDACTED]","b":[]}"#),
            (#"{"secret":{"a":[1,{"b":2}]},"c":3}"#, #"{"secret":"[REDACTED]","c":3}"#),
            (#"{"a":[[{"b":{"api_key":true}}]]}"#, #"{"a":[[{"b":{"api_key":"[REDACTED]"}}]]}"#),
            (
                #"{"token":1,"a":{"token":2},"b":[{"token":3}]}"#,
                #"{"token":"[REDACTED]","a":{"token":"[REDACTED]"},"b":[{"token":"[REDACTED]"}]}"#
            ),
            (#"{"pass\u0077ord":"x"}"#, #"{"pass\u0077ord":"[REDACTED]"}"#),
            (#"{"a\"token":"\"}"}"#, #"{"a\"token":"[REDACTED]"}"#),
        ])
    func values(_ json: String, _ expected: String) throws {
        #expect(try Self.redact(json) == expected)
        // Redacting again, or redacting an export, changes nothing.
        #expect(try Self.redact(expected) == expected)
    }

    @Test(
        "A key is one of the names that ends with it, spelling apart",
        arguments: [
            "Password", "PASSWORD", "db_password", "db.password", "dbPassword", "X-API-Key",
            "apiKey",
            "apikey", "access.token", "accessToken", "client-secret", "Authorization",
            "Proxy-Authorization", "set-cookie", "api__key__",
        ])
    func spellings(_ key: String) throws {
        #expect(try Self.redact(#"{"\#(key)":"x"}"#) == #"{"\#(key)":"[REDACTED]"}"#)
    }

    @Test(
        "Nothing else is touched",
        arguments: [
            "{}", #"{"a":{"b":["password","token"]}}"#, #"{"tokens":1,"secretRef":{"name":"x"}}"#,
            #"{"password":null}"#, #"{"keys":1,"":2,"-":3}"#, #"{"passwörd":1,"passwordé":2}"#,
        ])
    func untouched(_ json: String) throws {
        #expect(try Self.redact(json) == nil)
    }

    @Test("The keys can be others")
    func keys() throws {
        let redaction = Redaction(keys: ["Card-Number"])
        #expect(
            try Self.redact(#"{"cardnumber":1,"password":2}"#, redaction)
                == #"{"cardnumber":"[REDACTED]","password":2}"#)
    }

    @Test("The limit on metadata applies to what is stored, after white space is removed")
    func bound() throws {
        func decode(_ metadata: String) throws -> EventDecoder.Decoded {
            try Array(body(["metadata": metadata]).utf8).withUnsafeBytes { bytes in
                var reader = JSONReader(bytes)
                return try EventDecoder.decode(&reader, now: testMoment, redaction: Self.usual)
            }
        }
        guard case .event(let event) = try decode(#"{ "a" : 1 , "token" : [ 1 ] }"#) else {
            Issue.record("not an event")
            return
        }
        #expect(event.text(.metadata) == #"{"a":1,"token":"[REDACTED]"}"#)
        let redacted = #"{"token":"[REDACTED]","a":""}"#.utf8.count
        let room = EventRules.metadataBytes - redacted
        for (count, fits) in [(room, true), (room + 1, false)] {
            let filling = String(repeating: "x", count: count)
            let decoded = try decode(#"{"token":1,"a":"\#(filling)"}"#)
            if case .event = decoded { #expect(fits) } else { #expect(!fits) }
        }
    }
}
