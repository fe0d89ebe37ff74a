#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import BER
import EntryStore
import LDAP
import Schema
import Synchronization

/// An entry that exists outside the store, as a record like any other.
struct PseudoEntry: Sendable {
    let title: StaticString
    /// DN in string form.
    let name: [UInt8]
    let record: [UInt8]

    /// For a record that cannot be read.
    var damage: LDAPError { LDAPError(.other, "\(title) is damaged") }
}

/// The root DSE (RFC 4512 section 5.1) and the subschema subentry (section 4.2). Made when first asked for.
final class PseudoEntries: Sendable {
    static let subschemaName = Array("cn=Subschema".utf8)

    private let canonicalSubschemaName: [UInt8]
    /// The catalogue that the directory was made by: there may be newer ones of the same schema.
    let catalogue: Catalogue
    private let made = Mutex<(root: PseudoEntry?, subschema: PseudoEntry?)>((nil, nil))

    init(_ catalogue: Catalogue, _ known: KnownTypes) {
        self.catalogue = catalogue
        let schema = catalogue.schema
        var name: [UInt8] = []
        _ = schema.normalize(Self.subschemaName.rawSpan, by: .distinguishedNameMatch, into: &name)
        canonicalSubschemaName = name
    }

    /// Whether a canonical name is that of the subschema subentry.
    func isSubschema(_ canonical: [UInt8]) -> Bool { canonical == canonicalSubschemaName }

    /// The entry of a name in string form; nil for all other names.
    func entry(named name: RawSpan, _ directory: Directory) throws(LDAPError) -> PseudoEntry? {
        if name.byteCount == 0 {
            let entry = made.withLock { made in
                let entry = made.root ?? RootDSE.make(directory)
                made.root = entry
                return entry
            }
            return RootDSE.current(entry, directory)
        }
        // Names of any other length, or of several levels, are not worth a parse: `cn=subschema` with spaces and escapes stays short.
        guard name.byteCount < 64, name.byteCount >= canonicalSubschemaName.count, !name.isPlainlySeveralLevels else { return nil }
        var canonical: [UInt8] = []
        guard directory.schema.normalize(name, by: .distinguishedNameMatch, into: &canonical), canonical == canonicalSubschemaName else {
            return nil
        }
        return subschema(directory)
    }

    /// The subschema subentry.
    func subschema(_ directory: Directory) -> PseudoEntry {
        made.withLock { made in
            let entry = made.subschema ?? Subschema.make(directory)
            made.subschema = entry
            return entry
        }
    }
}

/// Puts a pseudo entry together from attribute names and values.
struct PseudoEntryBuilder {
    private let table: AttributeTable
    private var entry: Entry

    /// - Parameter entry: what there is already.
    init(_ table: AttributeTable, _ entry: Entry = Entry()) {
        self.table = table
        self.entry = entry
    }

    /// Types that the schema does not have are left out.
    mutating func set(_ name: String, _ values: [String]) {
        guard let type = table.schema.attributeType(named: name), let id = table.id(of: type) else { return }
        entry[id] = values.map { Array($0.utf8) }
    }

    func record() -> [UInt8] { entry.record(parent: .root, rdn: [], flags: []) }
}

extension RawSpan {
    /// Whether a name in string form has a comma, and nothing escaped or quoted that the comma could belong to.
    var isPlainlySeveralLevels: Bool {
        withUnsafeBytes { octets in
            guard let start = octets.baseAddress else { return false }
            func contains(_ octet: UInt8) -> Bool { unsafe memchr(start, Int32(octet), octets.count) != nil }
            return contains(UInt8(ascii: ",")) && !contains(UInt8(ascii: "\\")) && !contains(UInt8(ascii: "\""))
        }
    }
}
