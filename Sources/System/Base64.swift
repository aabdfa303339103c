import COpenSSL

/// Base64 with padding (RFC 4648, 4), by libcrypto.
package enum Base64 {
    /// The text of `bytes`.
    package static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return "" }
        // A group of 3 bytes is 4 characters; libcrypto adds a NUL.
        let text = [UInt8](unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4 + 1) {
            text, count in
            count = Int(EVP_EncodeBlock(text.baseAddress, start, Int32(bytes.count)))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes that `text` stands for; nil if it is not valid.
    package static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
        // libcrypto would skip white space at the ends, and take a padding in the middle.
        guard text.count % 4 == 0, text.count <= Int32.max,
            text.dropLast(padding).allSatisfy(isDigit)
        else { return nil }
        guard let start = text.bindMemory(to: UInt8.self).baseAddress else { return [] }
        var isValid = false
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { bytes, count in
            let written = EVP_DecodeBlock(bytes.baseAddress, start, Int32(text.count))
            isValid = written >= 0
            count = max(Int(written) - padding, 0)
        }
        return isValid ? bytes : nil
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
