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
    /// Searches that looked at too many entries.
    let candidatesExceeded = Atomic<UInt64>(0)
    /// Filters that are nested too deeply, or have too many terms.
    let filtersTooDeep = Atomic<UInt64>(0)
    let filtersTooLong = Atomic<UInt64>(0)
    /// Requests beyond one of the fixed limits: attributes, values, controls, ….
    let otherLimitsExceeded = Atomic<UInt64>(0)

    /// Counts a refusal by its reason.
    /// - Parameter limits: by which the request was decoded.
    func note(_ error: LDAPError, _ limits: DecodingLimits) {
        guard error.code == .adminLimitExceeded else { return note(error.code) }
        let tooDeep = limits.filterTooDeep.message
        let tooLong = limits.filterTooLong.message
        if error.message == tooDeep {
            filtersTooDeep.add(1, ordering: .relaxed)
        } else if error.message == tooLong {
            filtersTooLong.add(1, ordering: .relaxed)
        } else {
            otherLimitsExceeded.add(1, ordering: .relaxed)
        }
    }

    /// Counts how a search ended that was carried out.
    func note(_ code: ResultCode) {
        switch code {
        case .sizeLimitExceeded: sizeLimitExceeded.add(1, ordering: .relaxed)
        case .timeLimitExceeded: timeLimitExceeded.add(1, ordering: .relaxed)
        case .adminLimitExceeded: candidatesExceeded.add(1, ordering: .relaxed)
        default: break
        }
    }
}
