import BER
public import EntryStore
import LDAP
import Schema

/// Writes changes of the log as LDIF change records (RFC 2849), which can be made again elsewhere.
public struct LDIFChanges {
    /// What is wanted.
    public struct Selection: Sendable {
        /// The number of the first change.
        public var from: UInt64 = 1
        /// Changes made at or after this, in microseconds since 1970.
        public var since: Int64?
        /// Only entries at and below this one, by their name before or after the change; empty: all.
        public var base = ""
        /// Whether attributes that only a server sets are written too, such as `entryUUID`; no server takes them from a client.
        public var includesOperational = false

        public init() {}
    }

    private let store: EntryStore
    private let selection: Selection
    private let base: [UInt8]
    /// The next change to look at; 0: not known yet.
    private var next: UInt64 = 0
    /// Changes written.
    public private(set) var count = 0

    /// - Throws: `LDAPError` for a base that is no name.
    public init(_ store: EntryStore, _ selection: Selection) throws {
        self.store = store
        self.selection = selection
        var canonical: [UInt8] = []
        try store.schema.normalizeDN(DistinguishedName(selection.base), into: &canonical)
        base = canonical
    }

    /// Writes what there is since the last call.
    /// - Parameter write: gets one record after the other, each whole.
    public mutating func advance(_ write: ([UInt8]) throws -> Void) throws {
        let snapshot = try store.snapshot()
        guard let numbers = try snapshot.changeNumbers() else { return }
        if next == 0 {
            next = selection.from
            if let since = selection.since { next = max(next, try snapshot.firstChange(notBefore: since) ?? numbers.upperBound + 1) }
        }
        if next < numbers.lowerBound {
            var note = LDIFWriter()
            // What a reader has missed it should know.
            if next > 1 || selection.since != nil { note.comment("the log begins with change \(numbers.lowerBound)") }
            if !note.bytes.isEmpty { note.endRecord() }
            next = numbers.lowerBound
            try write(note.bytes)
        }
        while next <= numbers.upperBound {
            if let record = try snapshot.change(next), concerns(record) { try write(text(record)) }
            next += 1
        }
    }

    /// Whether the change is one of the base's.
    private func concerns(_ record: ChangeRecord) -> Bool {
        if base.isEmpty { return true }
        var names = [record.name]
        if let renaming = record.renaming, let superior = renaming.newSuperior { names.append(renaming.newRDN + [0x2c] + superior) }
        return names.contains { name in
            var canonical: [UInt8] = []
            guard let parsed = try? DistinguishedName(parsing: name.rawSpan),
                (try? store.schema.normalizeDN(parsed, into: &canonical)) != nil
            else { return false }
            return CompiledFilter.nameScope(.dnSubtreeMatch, canonical.rawSpan, base.rawSpan)
        }
    }

    private mutating func text(_ record: ChangeRecord) throws -> [UInt8] {
        var table = store.catalogue.table
        if record.attributeIDs.contains(where: { table[$0] == nil }) {
            // The server has given numbers since this store was opened.
            try store.refreshCatalogue()
            table = store.catalogue.table
        }
        let schema = store.schema
        let includesOperational = selection.includesOperational
        func includes(_ id: AttributeID) -> Bool {
            includesOperational || table.type(of: id).map { schema[$0].isUserModifiable } ?? true
        }
        var writer = LDIFWriter()
        let author = record.author.isEmpty ? "the server" : String(decoding: record.author, as: UTF8.self)
        let time = String(decoding: ChangeClock.Moment(microseconds: record.time).changeSequenceNumber.prefix(22), as: UTF8.self)
        writer.comment("change \(record.number) at \(time) by \(author)")
        count += 1
        switch record.kind {
        case .add: writer.change(AddRequest(entry: record.name, attributes: record.attributes(table, includes)))
        case .delete: writer.change(DeleteRequest(entry: record.name))
        case .modify:
            let changes = record.modifications(table, includes)
            // Nothing that a client could do.
            guard !changes.isEmpty else {
                writer.comment("only what the server keeps of \(String(decoding: record.name, as: UTF8.self))")
                writer.endRecord()
                break
            }
            writer.change(ModifyRequest(object: record.name, changes: changes))
        case .modifyDN:
            guard let renaming = record.renaming else { break }
            writer.change(
                ModifyDNRequest(
                    entry: record.name, newRDN: renaming.newRDN, deleteOldRDN: renaming.deletesOldRDN, newSuperior: renaming.newSuperior))
        case .load:
            writer.comment("\(record.loaded) entries were loaded by an import")
            writer.endRecord()
        }
        return writer.bytes
    }
}
