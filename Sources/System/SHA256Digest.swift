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

/// HMAC with SHA-256 (RFC 2104), by libcrypto.
package enum HMACSHA256 {
    /// The code of `bytes` under `key`.
    package static func of(_ bytes: UnsafeRawBufferPointer, key: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: SHA256Digest.byteCount) { code, count in
            let start = bytes.bindMemory(to: UInt8.self).baseAddress
            let result = HMAC(
                EVP_sha256(), key, Int32(key.count), start, bytes.count, code.baseAddress, nil)
            precondition(result != nil, "libcrypto has HMAC")
            count = SHA256Digest.byteCount
        }
    }

    /// True if `code` is that of `bytes`; the time that this takes does not depend on the bytes
    /// that differ.
    package static func isValid(
        _ code: [UInt8], of bytes: UnsafeRawBufferPointer, key: [UInt8]
    ) -> Bool {
        code.count == SHA256Digest.byteCount
            && CRYPTO_memcmp(code, of(bytes, key: key), SHA256Digest.byteCount) == 0
    }
}

extension FixedWidthInteger where Self: UnsignedInteger {
    /// The digits in lower case.
    package var hexadecimal: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: Self.bitWidth / 4 - digits.count) + digits
    }
}
