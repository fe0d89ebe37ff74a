internal import CLMDB

/// A read transaction that is open, of this process or another.
public struct OpenReader: Sendable, Hashable {
    public let process: Int32
    /// The commit whose state it sees: pages that this state uses are not used again.
    public let transaction: Int
}

extension Environment {
    /// The read transactions that are open now, of all processes.
    public func openReaders() throws(LMDBError) -> [OpenReader] {
        let gathered = Lines()
        // Sound: the callback runs only within the call, while `gathered` lives; LMDB gives it NUL-terminated lines.
        let code = unsafe mdb_reader_list(
            handle,
            { line, context in
                guard let line = unsafe line, let context = unsafe context else { return 0 }
                unsafe Unmanaged<Lines>.fromOpaque(context).takeUnretainedValue().lines.append(String(cString: line))
                return 0
            }, Unmanaged.passUnretained(gathered).toOpaque())
        // The number of lines, or an error.
        if code < 0 { throw LMDBError(code: code, call: "mdb_reader_list") }
        return gathered.lines.compactMap(Self.reader)
    }

    private final class Lines { var lines: [String] = [] }

    /// Reads `PID THREAD TRANSACTION`; the transaction of a slot that nobody reads with is `-`.
    private static func reader(_ line: String) -> OpenReader? {
        let words = line.split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count == 3, let process = Int32(words[0]), let transaction = Int(words[2]) else { return nil }
        return OpenReader(process: process, transaction: transaction)
    }
}
