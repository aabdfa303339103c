import COpenSSL

/// SHA-256 (FIPS 180-4), by libcrypto.
package enum SHA256Digest {
    /// Bytes of a digest.
    package static let byteCount = Int(SHA256_DIGEST_LENGTH)

    /// The digest of `bytes`.
    package static func of(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { digest, count in
            let result = EVP_Digest(
                bytes.baseAddress, bytes.count, digest.baseAddress, nil, algorithm, nil)
            precondition(result == 1, "libcrypto has SHA-256")
            count = byteCount
        }
    }

    /// Fetched once, because a look-up costs more than hashing a short text. Threads share it
    /// (openssl-threads(7)).
    nonisolated(unsafe) private static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)
}

extension FixedWidthInteger where Self: UnsignedInteger {
    /// The digits in lower case.
    package var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: Self.bitWidth / 4 - digits.count) + digits
    }
}
