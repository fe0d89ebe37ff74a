internal import CLMDB
#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The beginning of one of the two meta pages of a database file: the page's header and LMDB's `MDB_meta`, as versions 0.9 have it.
struct MetaPage {
    /// So much of the page is in use; fewer bytes than a sector, so that they are written all or not at all.
    static let size = 256
    private static let magic: UInt32 = 0xBEEF_C0DE
    /// Behind the page's header (16): magic (4), version (4), address (8), map size (8), two trees (48 each), last page (8).
    private static let lastPagePlace = 16 + 4 + 4 + 8 + 8 + 2 * 48
    private static let transactionPlace = lastPagePlace + 8

    let bytes: [UInt8]
    var transaction: Int { Int(truncatingIfNeeded: bytes.number(Self.transactionPlace)) }
    /// The last page that the state uses.
    var lastPage: Int { Int(truncatingIfNeeded: bytes.number(Self.lastPagePlace)) }

    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.size, UInt32(truncatingIfNeeded: bytes.number(16)) == Self.magic else { return nil }
        self.bytes = bytes
    }

    /// The one that LMDB uses: of the later transaction.
    static func newest(_ file: borrowing FileHandle, pageSize: Int) throws(LMDBError) -> MetaPage? {
        let first = MetaPage(try file.read(size, at: 0))
        let second = MetaPage(try file.read(size, at: pageSize))
        guard let first, let second else { return first ?? second }
        return first.transaction >= second.transaction ? first : second
    }

    /// The same as page 0 or 1: a page begins with its number.
    func asPage(_ number: UInt64) -> [UInt8] {
        var page: [UInt8] = []
        page.append(number: number)
        return page + bytes.dropFirst(8)
    }
}

/// What a checkpoint writes down. The record file has two places for it, written in turn, so that one is always whole.
struct CheckpointRecord {
    let sequence: UInt64
    /// The number of the database file in its file system.
    let file: UInt64
    let pageSize: Int
    /// The run of the machine in which it was written.
    let boot: [UInt8]
    let meta: MetaPage

    var transaction: Int { meta.transaction }

    private static let signature = Array("MusterC2".utf8)
    private static let bootSize = 40
    private static let size = 8 + 8 + 8 + 8 + bootSize + MetaPage.size + 8
    /// Distance of the two places: no page of the disk holds parts of both.
    private static let distance = 65_536

    /// What tells one run of the machine from another; empty, which equals nothing, if the system does not say.
    static func currentBoot() -> [UInt8] {
        guard let file = try? FileHandle("/proc/sys/kernel/random/boot_id", O_RDONLY), let bytes = try? file.read(bootSize, at: 0) else { return [] }
        return Array(bytes.prefix { $0 > 0x20 })
    }

    /// The last one that was written whole.
    static func newest(_ record: borrowing FileHandle) throws(LMDBError) -> CheckpointRecord? {
        let first = CheckpointRecord(try record.read(size, at: 0))
        let second = CheckpointRecord(try record.read(size, at: distance))
        guard let first, let second else { return first ?? second }
        return first.sequence >= second.sequence ? first : second
    }

    func write(to record: borrowing FileHandle) throws(LMDBError) {
        var bytes = Self.signature
        bytes.append(number: sequence)
        bytes.append(number: file)
        bytes.append(number: UInt64(truncatingIfNeeded: pageSize))
        bytes += boot + Array(repeating: 0, count: max(0, Self.bootSize - boot.count))
        bytes += meta.bytes
        bytes.append(number: bytes.checksum())
        try record.write(bytes, at: sequence & 1 == 0 ? 0 : Self.distance)
        try record.sync()
    }

    /// Makes the recorded state the current one of the database.
    func restore(to database: borrowing FileHandle) throws(LMDBError) {
        // First the place of the recorded transaction itself, so that at no moment both pages are of other ones.
        let own = UInt64(truncatingIfNeeded: transaction) & 1
        for number in [own, 1 - own] {
            try database.write(meta.asPage(number), at: Int(number) * pageSize)
            try database.sync()
        }
    }

    private init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.size, Array(bytes.prefix(8)) == Self.signature,
            Array(bytes.dropLast(8)).checksum() == bytes.number(Self.size - 8),
            let meta = MetaPage(Array(bytes[(32 + Self.bootSize)..<(Self.size - 8)]))
        else { return nil }
        let pageSize = bytes.number(24)
        guard pageSize >= 512, pageSize <= 65_536 else { return nil }
        sequence = bytes.number(8)
        file = bytes.number(16)
        self.pageSize = Int(pageSize)
        let boot = Array(bytes[32..<(32 + Self.bootSize)].prefix { $0 != 0 })
        // Of a system that does not tell its runs apart nothing is the same run.
        self.boot = boot.isEmpty ? [0] : boot
        self.meta = meta
    }

    init(sequence: UInt64, file: UInt64, pageSize: Int, boot: [UInt8], meta: MetaPage) {
        self.sequence = sequence
        self.file = file
        self.pageSize = pageSize
        self.boot = boot
        self.meta = meta
    }
}
