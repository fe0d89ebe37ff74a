import LDAP
import Synchronization

/// The kinds of operations, as `cn=Operations,cn=Monitor` has them.
public enum OperationKind: Int, Sendable, CaseIterable {
    case bind, unbind, search, compare, modify, modifyDN, add, delete, abandon, extended

    /// Nil for a tag that is no request's.
    init?(requestTag: UInt8) {
        switch requestTag {
        case OperationTag.bindRequest: self = .bind
        case OperationTag.unbindRequest: self = .unbind
        case OperationTag.searchRequest: self = .search
        case OperationTag.compareRequest: self = .compare
        case OperationTag.modifyRequest: self = .modify
        case OperationTag.modifyDNRequest: self = .modifyDN
        case OperationTag.addRequest: self = .add
        case OperationTag.deleteRequest: self = .delete
        case OperationTag.abandonRequest: self = .abandon
        case OperationTag.extendedRequest: self = .extended
        default: return nil
        }
    }

    /// As OpenLDAP names it.
    var title: String {
        switch self {
        case .bind: "Bind"
        case .unbind: "Unbind"
        case .search: "Search"
        case .compare: "Compare"
        case .modify: "Modify"
        case .modifyDN: "Modrdn"
        case .add: "Add"
        case .delete: "Delete"
        case .abandon: "Abandon"
        case .extended: "Extended"
        }
    }
}

/// What one thread has counted of operations. Written by its thread alone, so without contention; read by anybody.
public final class OperationCounters: @unchecked Sendable {
    // Sound: the pointer is set once and freed when nobody holds the object; what it points to are atomic numbers.
    private let numbers: UnsafeMutablePointer<Atomic<UInt64>>
    private static let kinds = OperationKind.allCases.count
    private static let entriesPlace = 2 * kinds

    init() {
        numbers = .allocate(capacity: Self.entriesPlace + 1)
        for place in 0...Self.entriesPlace { (numbers + place).initialize(to: Atomic(0)) }
    }

    deinit {
        numbers.deinitialize(count: Self.entriesPlace + 1)
        numbers.deallocate()
    }

    /// Adds; only the owning thread may call it, which is why a load and a store suffice.
    @inline(__always)
    private func add(_ amount: Int, at place: Int) {
        let value = numbers[place].load(ordering: .relaxed)
        numbers[place].store(value &+ UInt64(truncatingIfNeeded: amount), ordering: .relaxed)
    }

    func begin(_ kind: OperationKind) { add(1, at: kind.rawValue) }

    /// An operation has ended: was answered, or given up. To be called by the owning thread.
    public func complete(_ kind: OperationKind) { add(1, at: Self.kinds + kind.rawValue) }

    /// Entries were sent.
    func addEntries(_ count: Int) { add(count, at: Self.entriesPlace) }

    /// The numbers at one moment.
    struct Values: Sendable, Hashable {
        var initiated = [UInt64](repeating: 0, count: OperationKind.allCases.count)
        var completed = [UInt64](repeating: 0, count: OperationKind.allCases.count)
        var entries: UInt64 = 0
    }

    /// Operations that have ended and change nothing.
    var lookups: Int {
        [OperationKind.search, .bind, .compare].reduce(0) { sum, kind in
            sum &+ Int(truncatingIfNeeded: numbers[Self.kinds + kind.rawValue].load(ordering: .relaxed))
        }
    }

    func add(to values: inout Values) {
        for kind in 0..<Self.kinds {
            values.initiated[kind] &+= numbers[kind].load(ordering: .relaxed)
            values.completed[kind] &+= numbers[Self.kinds + kind].load(ordering: .relaxed)
        }
        values.entries &+= numbers[Self.entriesPlace].load(ordering: .relaxed)
    }
}
