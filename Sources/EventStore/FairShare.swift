/// Divides a shared resource so that no client can take all of it. A client that holds half of it
/// gets no more once three quarters are taken, so the last quarter is always left for the others.
public struct FairShare: Sendable {
    /// The amount to divide: slots, or bytes.
    public let total: Int
    /// The amount taken.
    public private(set) var taken = 0
    private var byClient: [UInt64: Int] = [:]

    /// Creates a share of `total`.
    public init(total: Int) { self.total = total }

    /// Returns true if `client` may take `amount` now. An amount larger than its share is granted
    /// when no client holds anything.
    public func admits(_ client: UInt64, _ amount: Int = 1) -> Bool {
        guard taken > 0 else { return true }
        let kept = (total + 2) / 4
        return taken + amount <= total
            && (byClient[client, default: 0] + amount <= total / 2
                || taken + amount <= total - kept)
    }

    /// Takes `amount` for `client`; false if it may not have that.
    public mutating func take(_ amount: Int = 1, for client: UInt64) -> Bool {
        guard admits(client, amount) else { return false }
        taken += amount
        byClient[client, default: 0] += amount
        return true
    }

    /// Gives back an amount that `client` took.
    public mutating func giveBack(_ amount: Int = 1, from client: UInt64) {
        let rest = byClient[client, default: 0] - amount
        precondition(rest >= 0, "what is given back was taken")
        taken -= amount
        byClient[client] = rest > 0 ? rest : nil
    }
}
