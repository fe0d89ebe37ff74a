import BER
import LMDB
public import Schema

/// What was defined while the directory was in use, beside the schema files, and who changed it last: a part of the database.
public struct SchemaRevision: Sendable, Equatable {
    /// In the order they came.
    public var definitions: [RuntimeDefinition]
    /// Name of who changed the schema last.
    public var modifier: [UInt8]
    /// When: the value of `modifyTimestamp`.
    public var timestamp: [UInt8]
    /// The value of `entryCSN`.
    public var csn: [UInt8]

    public init(definitions: [RuntimeDefinition], modifier: [UInt8], timestamp: [UInt8], csn: [UInt8]) {
        self.definitions = definitions
        self.modifier = modifier
        self.timestamp = timestamp
        self.csn = csn
    }

    /// Where it is kept.
    static let key = Array("schema".utf8)
    private static let version = 1

    /// A sequence of version, modifier, timestamp, CSN and definitions, each a sequence of kind and text.
    var encoded: [UInt8] {
        var buffer = BERBuffer(capacity: 1 << 12)
        let whole = buffer.begin(BERTag.sequence)
        buffer.append(integer: Self.version)
        for text in [modifier, timestamp, csn] { buffer.append(BERTag.octetString, contents: text) }
        let list = buffer.begin(BERTag.sequence)
        for definition in definitions {
            let element = buffer.begin(BERTag.sequence)
            buffer.append(integer: Int(definition.kind.rawValue))
            buffer.append(BERTag.octetString, contents: Array(definition.text.utf8))
            buffer.end(element)
        }
        buffer.end(list)
        buffer.end(whole)
        return buffer.bytes.array
    }

    /// - Throws: `format` for what is none, or does not go with the files.
    init(_ bytes: RawSpan, _ files: Schema) throws(EntryStoreError) {
        do {
            var outer = BERReader(bytes)
            var reader = BERReader(bytes, try outer.contents(of: BERTag.sequence))
            try outer.finish()
            guard try reader.integer() == Self.version else { throw Self.damaged }
            modifier = bytes.slice(try reader.contents(of: BERTag.octetString)).array
            timestamp = bytes.slice(try reader.contents(of: BERTag.octetString)).array
            csn = bytes.slice(try reader.contents(of: BERTag.octetString)).array
            var list = BERReader(bytes, try reader.contents(of: BERTag.sequence))
            try reader.finish()
            definitions = []
            while !list.isAtEnd {
                var element = BERReader(bytes, try list.contents(of: BERTag.sequence))
                guard let kind = DefinitionKind(rawValue: UInt8(truncatingIfNeeded: try element.integer())) else { throw Self.damaged }
                let text = bytes.slice(try element.contents(of: BERTag.octetString)).array
                try element.finish()
                definitions.append(try files.definition(kind, text))
            }
        } catch let error as SchemaError {
            throw Self.clash(error)
        } catch let error as EntryStoreError {
            throw error
        } catch {
            throw Self.damaged
        }
    }

    private static var damaged: EntryStoreError { EntryStoreError(.format, "the schema that was changed while in use cannot be read") }

    private static func clash(_ error: SchemaError) -> EntryStoreError {
        EntryStoreError(.format, "the schema files do not go with what was defined while the directory was in use: \(error)")
    }

    /// The whole schema as the database has it.
    static func read(
        _ files: Schema, _ transaction: borrowing Transaction, _ databases: EntryStore.Databases
    ) throws -> (schema: Schema, revision: SchemaRevision?) {
        guard let bytes = try transaction.get(key.rawSpan, in: databases.meta) else {
            return (files.runtimeDefinitions.isEmpty ? files : try files.replacing(runtimeDefinitions: []), nil)
        }
        let revision = try SchemaRevision(bytes, files)
        do { return (try files.replacing(runtimeDefinitions: revision.definitions), revision) } catch { throw clash(error) }
    }
}
