import BER
public import EntryStore
import LDAP

/// Writes entries as they were at a moment, as LDIF.
public struct PastExport: Sendable {
    private let store: EntryStore
    /// Entries worked out at once.
    private static let chunk = 2000

    public init(_ store: EntryStore) { self.store = store }

    /// - Parameters:
    ///   - time: microseconds since 1970.
    ///   - name: the entry, by the name that it had then.
    ///   - subtree: whether with all below it.
    /// - Returns: the number of entries.
    public func run(at time: Int64, name: String, subtree: Bool, write: ([UInt8]) throws -> Void) throws -> Int {
        let snapshot = try store.snapshot()
        let past = try PastTree(at: time, snapshot)
        let wanted = try DistinguishedName(name)
        guard let id = try past.resolve(wanted, snapshot) else {
            throw LDAPError(.noSuchObject, "there was no entry \(name) then")
        }
        var ids = [id]
        if subtree { ids = try past.subtree(of: id, snapshot) }
        let table = snapshot.catalogue.table
        var writer = LDIFWriter()
        var count = 0
        writer.version()
        for start in stride(from: 0, to: ids.count, by: Self.chunk) {
            let part = Array(ids[start..<min(start + Self.chunk, ids.count)])
            let entries = try past.entries(part, snapshot)
            for id in part {
                guard let image = entries[id] else { continue }
                let name = try past.name(of: id, snapshot)
                Self.append(name, image.entry, table, &writer)
                count += 1
            }
            try write(writer.bytes)
            writer.removeAll()
        }
        return count
    }

    private static func append(_ name: [UInt8], _ entry: Entry, _ table: AttributeTable, _ writer: inout LDIFWriter) {
        writer.beginRecord(dn: name.rawSpan)
        for attribute in entry.attributes {
            guard let description = table[attribute.id]?.name else { continue }
            for value in attribute.values { writer.attribute(description.rawSpan, value.rawSpan) }
        }
        writer.endRecord()
    }
}
