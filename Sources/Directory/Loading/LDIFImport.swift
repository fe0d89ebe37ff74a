#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import BER
public import EntryStore
import LDAP
import Schema

/// Why an import was refused: where in the input, and what is wrong.
public struct ImportError: Error, Sendable, CustomStringConvertible {
    public let file: String
    /// Where the record or the fault begins, from 1; 0 if it is about the file.
    public let line: Int
    /// The entry's name, if known.
    public let dn: String
    public let reason: String

    public var description: String { "\(file):\(line): \(dn.isEmpty ? "" : dn + ": ")\(reason)" }
}

/// Loads entries from LDIF files into a store: checked by the schema as an add is, in any order of superiors and subordinates.
/// Operational attributes in the input are kept, missing ones are made, as slapadd does.
public struct LDIFImport: ~Copyable {
    private let schema: Schema
    private let known: KnownTypes
    private let checker: EntryChecker
    private let uniqueTypes: [AttributeTypeID]
    private let creator: [UInt8]
    private var load: BulkLoad
    private var table: AttributeTable
    private var descriptions = DescriptionCache()
    /// The superior of the last entry: neighbours in a file mostly have the same.
    private var lastSuperior: (name: [UInt8], id: EntryID)?
    /// Entries that others stand below, by canonical name.
    private var superiors: [[UInt8]: EntryID] = [:]
    /// Records whose superior has not come yet, by the superior's canonical name.
    private var waiting: [[UInt8]: [Waiting]] = [:]
    private var waitingCount = 0

    private struct Waiting {
        let record: LDIFRecord
        let file: String
    }

    /// - Throws: ``DirectoryError``, `EntryStoreError`.
    public init(_ store: EntryStore, settings: DirectorySettings = DirectorySettings()) throws {
        let schema = store.schema
        let known = try KnownTypes(schema)
        var types: [AttributeTypeID] = []
        for name in settings.uniqueness {
            guard let type = schema.attributeType(named: name) else {
                throw DirectoryError("uniqueness of \(name): the schema has no such attribute type")
            }
            types.append(type)
        }
        let load = try BulkLoad(store)
        self.schema = schema
        self.known = known
        checker = EntryChecker(schema: schema, known: known)
        uniqueTypes = types
        creator = Array(settings.rootName.utf8)
        table = store.catalogue.table
        self.load = consume load
    }

    /// Entries loaded so far.
    public var count: Int { load.count }

    /// Reads one file. Records that wait for their superior may find it in a later one.
    /// - Parameter progress: called now and then with the entries so far and the bytes of this file that were used.
    public mutating func read(_ file: String, progress: (_ entries: Int, _ bytes: Int) -> Void = { _, _ in }) throws(ImportError) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ImportError(file: file, line: 0, dn: "", reason: "cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var reader = LDIFReader(descriptor: descriptor)
        var record = LDIFRecord()
        var records = 0
        while true {
            do {
                guard try reader.next(&record) else { break }
            } catch {
                throw ImportError(file: file, line: error.line, dn: error.dn ?? "", reason: error.reason)
            }
            try add(record, file)
            records += 1
            if records % 500 == 0 { progress(load.count, reader.bytesRead) }
        }
        progress(load.count, reader.bytesRead)
    }

    /// Writes all that was gathered. Throws if entries still wait for a superior.
    /// - Returns: the number of entries loaded.
    public consuming func finish() throws -> Int {
        let first = waiting.values.joined().min { ($0.file, $0.record.line) < ($1.file, $1.record.line) }
        if let first {
            throw ImportError(
                file: first.file, line: first.record.line, dn: first.record.string(first.record.dn),
                reason: "the entry above it does not exist\(waitingCount > 1 ? " (\(waitingCount) entries wait in vain)" : "")")
        }
        let count = load.count
        try load.finish()
        return count
    }

    private mutating func add(_ record: LDIFRecord, _ file: String) throws(ImportError) {
        do throws(LDAPError) {
            try add(record, from: file)
        } catch {
            throw ImportError(file: file, line: record.line, dn: record.string(record.dn), reason: error.message)
        }
    }

    private mutating func add(_ record: LDIFRecord, from file: String) throws(LDAPError) {
        guard record.kind == .content || record.kind == .add else {
            throw LDAPError(.protocolError, "an import takes entries, not changes of them")
        }
        var name = try DistinguishedName(parsing: record.bytes.rawSpan.slice(record.dn))
        guard let rdn = name.rdns.first else { throw LDAPError(.namingViolation, "the root is no entry") }
        name.rdns.removeFirst()
        var above: [UInt8] = []
        try schema.normalizeDN(name, into: &above)
        guard let parent = try superior(name, above) else {
            waiting[above, default: []].append(Waiting(record: record, file: file))
            waitingCount += 1
            return
        }
        var canonicalRDN: [UInt8] = []
        try schema.normalizeRDN(rdn, into: &canonicalRDN)
        let entry = try entry(record, rdn)
        let flags = try checker.check(entry, rdn: rdn, table: table)
        try checkUnique(entry)
        let id: EntryID?
        do {
            id = try load.add(entry, parent: parent, rdn: checker.storedRDN(rdn).bytes, canonicalRDN: canonicalRDN, flags: flags)
        } catch { throw LDAPError(storage: error) }
        guard let id else { throw LDAPError(.entryAlreadyExists, "an entry of this name exists") }
        guard !waiting.isEmpty else { return }
        if !above.isEmpty { canonicalRDN.append(UInt8(ascii: ",")) }
        let own = canonicalRDN + above
        guard let released = waiting.removeValue(forKey: own) else { return }
        superiors[own] = id
        waitingCount -= released.count
        for held in released {
            do { try add(held.record, held.file) } catch {
                throw LDAPError(.other, "\(error.reason) (in \(error.file):\(error.line): \(error.dn))")
            }
        }
    }

    private mutating func superior(_ name: DistinguishedName, _ canonical: [UInt8]) throws(LDAPError) -> EntryID? {
        if name.isRoot { return .root }
        if let lastSuperior, lastSuperior.name == canonical { return lastSuperior.id }
        if let known = superiors[canonical] {
            lastSuperior = (canonical, known)
            return known
        }
        var failure: LDAPError?
        var found: EntryID?
        do {
            try load.read { snapshot throws(EntryStoreError) in
                do throws(LDAPError) {
                    let resolution = try snapshot.resolve(name)
                    if resolution.isComplete { found = resolution.id }
                } catch { failure = error }
            }
        } catch { throw LDAPError(storage: error) }
        if let failure { throw failure }
        if let found { superiors[canonical] = found }
        return found
    }

    /// Puts the entry together and adds what is missing.
    private mutating func entry(_ record: LDIFRecord, _ rdn: RelativeDistinguishedName) throws(LDAPError) -> Entry {
        var entry = Entry()
        let bytes = record.bytes.rawSpan
        var last: (place: ByteRange, id: AttributeID)?
        for attribute in record.attributes {
            let description = bytes.slice(attribute.description)
            let id: AttributeID
            if let last, bytes.slice(last.place).elementsEqual(description) {
                id = last.id
            } else {
                if let known = descriptions.find(description) {
                    id = known
                } else {
                    id = try self.id(of: description)
                    descriptions.insert(description, id)
                }
                last = (attribute.description, id)
            }
            entry.append(bytes.slice(attribute.value).array, to: id)
        }
        try checker.addNamingValues(to: &entry, rdn: rdn, table: table)
        try checker.addOperationalAttributes(to: &entry, creator: creator, moment: ChangeClock.shared.next(), table: table)
        return entry
    }

    private mutating func id(of description: RawSpan) throws(LDAPError) -> AttributeID {
        let parsed = try checker.description(description)
        if let id = table.id(of: parsed.type, options: parsed.options) { return id }
        do {
            let id = try load.attributeID(parsed.type, options: parsed.options)
            table = load.catalogue.table
            return id
        } catch { throw LDAPError(storage: error) }
    }

    /// Semantics 1.7.
    private mutating func checkUnique(_ entry: Entry) throws(LDAPError) {
        let table = self.table
        // All are looked at before one is noted: an entry does not clash with itself.
        var noted: [(type: AttributeTypeID, canonical: [UInt8])] = []
        for attribute in entry.attributes {
            guard let type = table.type(of: attribute.id), uniqueTypes.contains(type), let rule = schema[type].equality else { continue }
            for value in attribute.values {
                var canonical: [UInt8] = []
                guard schema.normalize(value.rawSpan, by: rule, into: &canonical) else { continue }
                let isTaken: Bool
                do { isTaken = try load.isTaken(type, canonical) } catch { throw LDAPError(storage: error) }
                if isTaken {
                    throw LDAPError(
                        .constraintViolation,
                        "\(schema[type].name): \"\(String(decoding: value.prefix(200), as: UTF8.self))\" is not unique")
                }
                noted.append((type, canonical))
            }
        }
        for value in noted { load.take(value.type, value.canonical) }
    }
}

extension RelativeDistinguishedName {
    /// RFC 4514 string form.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        DistinguishedName(rdns: [self]).write(into: &bytes)
        return bytes
    }
}
