import EventStore
import Synchronization

/// The highest seq that this process knows of, and the feed that tells of it. The writer knows its
/// own commits, and the lookout those of other processes.
final class Head: Sendable {
    private struct State {
        var seq: Int64 = 0
        var epoch: Int64 = 0
    }

    let commits = CommitFeed()
    private let state = Mutex(State())

    /// The highest seq known.
    var seq: Int64 { state.withLock { $0.seq } }

    /// The epoch known; 0 before the first look.
    var epoch: Int64 { state.withLock { $0.epoch } }

    /// Notes a commit up to `seq`, before its replies; 0 if it has stored no event.
    func note(_ seq: Int64) {
        state.withLock { state in
            // A look may have found the commit, and counted it, before its answer came.
            guard seq == 0 || seq > state.seq else { return }
            state.seq = max(state.seq, seq)
            commits.note(lastSeq: state.seq)
        }
    }

    /// Notes what a look has found; true if subscribers must be told. In a new epoch `seq` may be
    /// lower than before.
    func look(_ seq: Int64, epoch: Int64) -> Bool {
        state.withLock { state in
            // A look that began before the epoch did may end after it.
            guard epoch > state.epoch || epoch == state.epoch && seq > state.seq else {
                return false
            }
            state.seq = epoch == state.epoch ? max(state.seq, seq) : seq
            state.epoch = epoch
            commits.note(lastSeq: state.seq)
            return true
        }
    }
}
