/// The changes of one transaction, so that they can be made again (``WriteAheadLog``).
///
/// Room for the head of a record, then one after the other: a kind (1 octet: put, delete, clear or words), the database (1: its place in the log's list), the lengths of key and value (4 each,
/// the lowest octet first), key, value. Words say in the terms of who changes the database what is changed (``Transaction/change(_:in:_:)``).
struct ChangeRecording {
    private enum Kind {
        static let put: UInt8 = 1, delete: UInt8 = 2, clear: UInt8 = 3, words: UInt8 = 4
    }
    private static let headSize = 10

    var bytes: [UInt8]
    /// Whether there was more than is kept: a larger transaction is not recorded.
    private(set) var isOverfull = false
    private static let limit = 64 << 20

    /// - Parameter buffer: memory to be used.
    init(_ buffer: consuming [UInt8] = []) {
        bytes = buffer
        bytes.removeAll(keepingCapacity: true)
        bytes += [UInt8](repeating: 0, count: WriteAheadLog.recordHeadSize)
    }

    var isEmpty: Bool { bytes.count <= WriteAheadLog.recordHeadSize && !isOverfull }

    mutating func put(_ key: borrowing RawSpan, _ value: borrowing RawSpan, in database: Database) { append(Kind.put, database, key, value) }
    mutating func delete(_ key: borrowing RawSpan, in database: Database) { append(Kind.delete, database, key, RawSpan()) }
    mutating func clear(_ database: Database) { append(Kind.clear, database, RawSpan(), RawSpan()) }
    mutating func note(_ words: borrowing RawSpan, in database: Database) { append(Kind.words, database, RawSpan(), words) }

    private mutating func append(_ kind: UInt8, _ database: Database, _ key: borrowing RawSpan, _ value: borrowing RawSpan) {
        guard !isOverfull else { return }
        guard bytes.count + Self.headSize + key.byteCount + value.byteCount <= Self.limit else {
            isOverfull = true
            bytes = []
            return
        }
        bytes.append(kind)
        bytes.append(UInt8(truncatingIfNeeded: database.dbi))
        bytes.append(number: UInt64(key.byteCount), octets: 4)
        bytes.append(number: UInt64(value.byteCount), octets: 4)
        unsafe key.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        unsafe value.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    /// Makes recorded changes again.
    /// - Parameters:
    ///   - recorded: a record with its head.
    ///   - databases: by the numbers that they had when the changes were recorded.
    ///   - words: makes the changes that words say.
    static func apply(
        _ recorded: [UInt8], to transaction: inout Transaction, _ databases: [UInt8: Database], words: WordsMaker
    ) throws(LMDBError) {
        let span = unsafe recorded.span.bytes
        var place = WriteAheadLog.recordHeadSize
        while place < span.byteCount {
            guard span.byteCount - place >= headSize, let database = databases[recorded[place + 1]] else { throw .damagedLog }
            let keySize = Int(truncatingIfNeeded: recorded.number(place + 2, octets: 4))
            let valueSize = Int(truncatingIfNeeded: recorded.number(place + 6, octets: 4))
            let start = place + headSize
            guard span.byteCount - start >= keySize, span.byteCount - start - keySize >= valueSize else { throw .damagedLog }
            let key = span.extracting(start..<(start + keySize))
            let value = span.extracting((start + keySize)..<(start + keySize + valueSize))
            switch recorded[place] {
            case Kind.put: try transaction.put(key, value, in: database)
            case Kind.delete: try transaction.delete(key, in: database)
            case Kind.clear: try transaction.removeAll(in: database)
            case Kind.words: try words(value, database, &transaction)
            default: throw .damagedLog
            }
            place = start + keySize + valueSize
        }
    }

}

/// Makes the changes of a database again that were recorded in words. Throws ``LMDBError/damagedLog`` if it does not understand them.
public typealias WordsMaker = (RawSpan, Database, inout Transaction) throws(LMDBError) -> Void
