import LMDB

/// Which entries can satisfy a search: a tree of index sets, read block by block in ascending order. Used by one search.
final class Plan {
    indirect enum Node: Sendable {
        /// No restriction.
        case all
        case none
        case leaf(Int)
        case and([Node])
        case or([Node])
        /// Everything but; only inside an `and`, after a node that restricts.
        case not(Node)

        /// Whether it can have members in every block: it must not lead.
        var isOpen: Bool {
            switch self {
            case .all, .not: true
            case .none, .leaf: false
            case .and(let children): children.allSatisfy(\.isOpen)
            case .or(let children): children.contains(where: \.isOpen)
            }
        }
    }

    private let root: Node
    private var leaves: [Leaf]
    private var scratch: [UInt8] = []

    init(root: Node, leaves: [Leaf]) {
        self.root = root
        self.leaves = leaves
        scratch.reserveCapacity(64)
    }

    /// The same plan, but that of some entries it has those that are named, and no others.
    /// - Parameters: in ascending order.
    func replacing(_ entries: [EntryID], by members: [EntryID]) -> Plan {
        var leaves = self.leaves
        var root = self.root
        if let leaf = Leaf(ids: entries) {
            leaves.append(leaf)
            root = .and([root, .not(.leaf(leaves.count - 1))])
        }
        if let leaf = Leaf(ids: members) {
            leaves.append(leaf)
            root = .or([root, .leaf(leaves.count - 1)])
        }
        return Plan(root: root, leaves: leaves)
    }

    /// The first block at or after one that can have members, and a superset of them. Nil: no more.
    func next(from block: UInt32, _ snapshot: borrowing Snapshot, into set: inout BlockSet) throws(LMDBError) -> UInt32? {
        var wanted = block
        while let found = try nextBlock(root, wanted, snapshot) {
            set.removeAll()
            try read(root, found, snapshot, into: &set)
            if !set.isEmpty { return found }
            guard found < UInt32.max else { return nil }
            wanted = found + 1
        }
        return nil
    }

    private func nextBlock(_ node: Node, _ wanted: UInt32, _ snapshot: borrowing Snapshot) throws(LMDBError) -> UInt32? {
        switch node {
        case .all, .not: return wanted
        case .none: return nil
        case .leaf(let index): return try leaves[index].seek(wanted, snapshot, &scratch)
        case .or(let children):
            var least: UInt32?
            for child in children {
                if let block = try nextBlock(child, wanted, snapshot), block < least ?? .max { least = block }
                if least == wanted { break }
            }
            return least
        case .and(let children):
            var block = wanted
            var agreed = 0
            var index = 0
            while agreed < children.count {
                guard let found = try nextBlock(children[index], block, snapshot) else { return nil }
                if found == block { agreed += 1 } else { (block, agreed) = (found, 1) }
                index = (index + 1) % children.count
            }
            return block
        }
    }

    /// Adds the members of a node in a block to an empty set.
    private func read(_ node: Node, _ block: UInt32, _ snapshot: borrowing Snapshot, into set: inout BlockSet) throws(LMDBError) {
        switch node {
        case .all: set.insert(0...BlockSet.capacity - 1)
        case .none: break
        case .not(let inner):
            var part = BlockSet()
            try read(inner, block, snapshot, into: &part)
            set.formUnion(complementOf: part)
        case .leaf(let index):
            if try leaves[index].seek(block, snapshot, &scratch) == block { set.formUnion(leaves[index].set) }
        case .or(let children):
            for child in children {
                if case .leaf(let index) = child {
                    if try leaves[index].seek(block, snapshot, &scratch) == block { set.formUnion(leaves[index].set) }
                } else {
                    var part = BlockSet()
                    try read(child, block, snapshot, into: &part)
                    set.formUnion(part)
                }
            }
        case .and(let children):
            for (place, child) in children.enumerated() {
                if place == 0 {
                    try read(child, block, snapshot, into: &set)
                } else if case .leaf(let index) = child {
                    guard try leaves[index].seek(block, snapshot, &scratch) == block else { return set.removeAll() }
                    set.formIntersection(leaves[index].set)
                } else if case .not(.leaf(let index)) = child {
                    if try leaves[index].seek(block, snapshot, &scratch) == block { set.subtract(leaves[index].set) }
                } else {
                    var part = BlockSet()
                    try read(child, block, snapshot, into: &part)
                    set.formIntersection(part)
                }
                if set.isEmpty { return }
            }
        }
    }
}
