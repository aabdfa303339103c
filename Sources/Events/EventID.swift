import JSON

/// The ids of events.
public enum EventID {
    /// Appends `evt_YYYYMMDD_HHMMSS_` and 16 random hexadecimal digits, the format of the original
    /// system. Ids of one time are adjacent in the index, which keeps inserting cheap.
    public static func append(now: Timestamp, to output: inout [UInt8]) {
        let parts = now.parts
        output.append(contentsOf: "evt_".utf8)
        output.appendInteger(Int(parts.year), digits: 4)
        output.appendInteger(Int(parts.month), digits: 2)
        output.appendInteger(Int(parts.day), digits: 2)
        output.append(UInt8(ascii: "_"))
        output.appendInteger(Int(parts.hour), digits: 2)
        output.appendInteger(Int(parts.minute), digits: 2)
        output.appendInteger(Int(parts.second), digits: 2)
        output.append(UInt8(ascii: "_"))
        output.appendHexadecimal(UInt64.random(in: .min ... .max))
    }

    /// True if `bytes` are 1 to 128 of `A-Z a-z 0-9 . _ : -`, and neither `.` nor `..`: clients
    /// remove those from a path (RFC 3986, 5.2.4), so nobody could ask for the event.
    static func isValid(_ bytes: some Collection<UInt8>) -> Bool {
        (1...128).contains(bytes.count) && !bytes.elementsEqual(".".utf8)
            && !bytes.elementsEqual("..".utf8)
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: ":"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
