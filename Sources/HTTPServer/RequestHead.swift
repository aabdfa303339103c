/// A request's head as positions in the bytes it was parsed from, counted from the head's first
/// byte.
struct RequestHead {
    struct Field {
        var name: Range<Int>
        var value: Range<Int>
    }

    /// nil for a well-formed method that this server does not implement.
    var method: HTTPMethod?
    var target = Target.asterisk
    var isHTTP11 = true
    var fields: [Field] = []
    var framing = Framing.none
    var keepsAlive = true
    var expectsContinue = false
    /// RFC 9110, 10.1.1: an expectation other than 100-continue.
    var hasUnknownExpectation = false

    /// RFC 9112, 3.2: the forms of a request target that this server takes.
    enum Target {
        case path(Range<Int>, query: Range<Int>?)
        case asterisk
    }

    /// RFC 9112, 6.3: how the end of the body is found.
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
    }

    /// The value of the first field called `name`, which must be in lower case.
    func value(
        of name: StaticString, in bytes: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        for field in fields where bytes.slice(field.name).equalsIgnoringCase(name) {
            return bytes.slice(field.value)
        }
        return nil
    }

    /// Makes this the head of nothing, keeping the space for fields.
    mutating func clear() {
        method = nil
        target = .asterisk
        isHTTP11 = true
        fields.removeAll(keepingCapacity: true)
        framing = .none
        keepsAlive = true
        expectsContinue = false
        hasUnknownExpectation = false
    }
}
