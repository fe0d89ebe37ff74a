import BER
public import EntryStore
import LDAP

/// Writes entries as LDIF, superiors before subordinates, from one snapshot.
public struct LDIFExport: ~Copyable {
    private let snapshot: Snapshot
    /// Bytes gathered before `write` is called.
    private static let chunk = 1 << 20

    /// - Throws: `EntryStoreError`.
    public init(_ store: EntryStore) throws(EntryStoreError) { snapshot = try store.snapshot() }

    /// Writes all entries at and below a name that match a filter, with all stored attributes.
    /// - Parameters:
    ///   - base: a DN in string form; empty for the whole tree.
    ///   - filter: string form (RFC 4515); nil for all entries.
    ///   - write: takes the bytes, in order.
    /// - Returns: the number of entries.
    public consuming func run(base: String, filter: String?, write: ([UInt8]) throws -> Void) throws -> Int {
        let name = try DistinguishedName(base)
        let found = try snapshot.resolve(name)
        guard found.isComplete else { throw LDAPError(.noSuchObject, "there is no entry \(base)") }
        let compiled = try filter.map { text throws(LDAPError) in CompiledFilter(try Filter(text), snapshot.catalogue) }
        var scratch = FilterScratch()
        var writer = LDIFWriter()
        var count = 0
        writer.version()
        // Depth first without recursion: the ids still to visit, last first.
        var stack = found.id == .root ? try snapshot.children(of: .root).reversed() : [found.id]
        while let id = stack.popLast() {
            guard let record = try snapshot.record(id) else { continue }
            if compiled == nil || compiled?.evaluate(id, record, snapshot, scratch: &scratch) == .yes {
                try append(id, record, &writer)
                count += 1
                if writer.bytes.count >= Self.chunk {
                    try write(writer.bytes)
                    writer.removeAll()
                }
            }
            stack += try snapshot.children(of: id).reversed()
        }
        try write(writer.bytes)
        return count
    }

    private borrowing func append(_ id: EntryID, _ record: borrowing EntryRecord, _ writer: inout LDIFWriter) throws(EntryStoreError) {
        let name = try snapshot.name(of: id)
        writer.beginRecord(dn: name.rawSpan)
        let table = snapshot.catalogue.table
        for index in 0..<record.attributeCount {
            guard let description = table[record.attributeID(at: index)] else { continue }
            var values = record.values(at: index)
            while let value = values.next() { writer.attribute(description.name.rawSpan, value) }
        }
        writer.endRecord()
    }
}
