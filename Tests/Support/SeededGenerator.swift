/// The same numbers in each run (SplitMix64: https://prng.di.unimi.it/splitmix64.c).
public struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// Creates the generator for `seed`.
    public init(seed: UInt64) { state = seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Text from all planes, with extra characters that need escapes.
    public mutating func text(_ count: ClosedRange<Int> = 0...40) -> String {
        let highestScalars: [UInt32] = [0x1F, 0x7E, 0x7E, 0x7E, 0x7FF, 0xFFFD, 0x10FFFF]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: count, using: &self) {
            let highest = highestScalars.randomElement(using: &self)!
            let scalar = Unicode.Scalar(UInt32.random(in: 0...highest, using: &self))
            scalars.append(scalar ?? "\"")
        }
        return String(scalars)
    }
}
