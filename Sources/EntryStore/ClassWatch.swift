import BER
import Schema
import Synchronization

/// Knows the last commit that changed an entry of certain object classes: what was worked out from such entries (classes of service,
/// domains, lists) is right for every snapshot from that commit on.
///
/// A cache made from a snapshot of commit `c` serves a snapshot of commit `s` if ``lastChange`` was read after the snapshot was taken and
/// is at most the smaller of `c` and `s`.
public final class ClassWatch: Sendable {
    /// By class: whether it is watched.
    private let isWatched: [Bool]
    private let commit = Atomic<Int>(0)

    init(_ classes: [ObjectClassID], schema: Schema) {
        var isWatched = Array(repeating: false, count: schema.objectClasses.count)
        for description in schema.objectClasses {
            isWatched[Int(description.id.rawValue)] = schema.superiors(of: description.id).contains { classes.contains($0) }
        }
        self.isWatched = isWatched
    }

    /// The number of the last commit that added, changed, renamed or removed an entry of the classes or of classes derived from them; 0:
    /// none since the store was opened. It is set before the commit can be seen.
    public var lastChange: Int { commit.load(ordering: .acquiring) }

    func concerns(_ entry: Entry, _ objectClass: AttributeID, _ schema: Schema) -> Bool {
        entry[objectClass].contains { value in schema.objectClass(value.rawSpan).map { isWatched[Int($0.rawValue)] } ?? false }
    }

    func note(commit: Int) { self.commit.store(commit, ordering: .releasing) }
}
