import LDAP
import Synchronization

/// What a directory has counted of things that seldom happen; any thread may count and read. What happens with every operation is
/// counted by each thread for itself, see ``OperationCounters``.
final class DirectoryCounters: Sendable {
    /// Binds that were not tried because of too many wrong passwords.
    let bindsRefusedForAddress = Atomic<UInt64>(0)
    let bindsRefusedForEntry = Atomic<UInt64>(0)
    /// Searches that ended before they were complete.
    let sizeLimitExceeded = Atomic<UInt64>(0)
    let timeLimitExceeded = Atomic<UInt64>(0)
    /// Searches that looked at too many entries, and requests that are nested too deeply or too long.
    let adminLimitExceeded = Atomic<UInt64>(0)

    /// Counts a refusal by its result code.
    func note(_ code: ResultCode) {
        switch code {
        case .sizeLimitExceeded: sizeLimitExceeded.add(1, ordering: .relaxed)
        case .timeLimitExceeded: timeLimitExceeded.add(1, ordering: .relaxed)
        case .adminLimitExceeded: adminLimitExceeded.add(1, ordering: .relaxed)
        default: break
        }
    }
}
