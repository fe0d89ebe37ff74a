import EntryStore

/// What a filter item knows from entry to entry of a search: the table, whether it is true of each class of service, the domain of the
/// last entry's neighbours.
struct ItemMemo: Sendable {
    /// The table, and the commit for which it was taken.
    private(set) var table: InheritanceTable?
    private var commit = -1
    /// By class of service; the last one: global configuration.
    private var verdicts: [Ternary?] = []
    private var parent = EntryID.root
    /// The domain that the entries below the last visited one are in.
    private(set) var domainEntry: EntryID?
    private(set) var domain: InheritanceTable.Domain?

    /// The table for a snapshot.
    mutating func prepare(_ tree: MailTree, _ snapshot: borrowing Snapshot) throws(EntryStoreError) -> InheritanceTable {
        if let table, commit == snapshot.commit, !snapshot.isUncommitted { return table }
        let current = try tree.table(snapshot)
        if current !== table {
            table = current
            verdicts = Array(repeating: nil, count: current.classes.count + 1)
        }
        commit = snapshot.commit
        parent = .root
        return current
    }

    /// Finds ``domainEntry`` and ``domain`` of the entries below another.
    mutating func visit(
        _ parent: EntryID, _ table: InheritanceTable, _ snapshot: borrowing Snapshot
    ) throws(EntryStoreError) {
        if parent != .root, parent == self.parent { return }
        domainEntry = try table.domain(above: parent, snapshot)
        domain = domainEntry.flatMap { table.domains[$0] }
        self.parent = parent
    }

    /// What was found of a class of service (nil: of global configuration), or is found now.
    mutating func verdict(
        of place: Int?, _ find: () throws(EntryStoreError) -> Ternary
    ) throws(EntryStoreError) -> Ternary {
        let index = place ?? verdicts.count - 1
        if let known = verdicts[index] { return known }
        let found = try find()
        verdicts[index] = found
        return found
    }
}
