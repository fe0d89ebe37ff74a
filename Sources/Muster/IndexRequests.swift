#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
import Synchronization

/// How an administrator on the machine has a running server mend indexes: a file in the data directory asks, another answers.
///
/// Whoever may write to the data directory may do anything to the directory, so nobody gains a right by it.
enum IndexRequests {
    static func requestPath(_ directory: String) -> String { directory + "/reindex" }
    static func answerPath(_ directory: String) -> String { directory + "/reindex.done" }

    /// Asks the server.
    static func ask(_ attributes: [String], directory: String) throws(FileError) {
        unlink(answerPath(directory))
        try replace(requestPath(directory), attributes)
    }

    /// What the server answers: a line each; nil as long as it has not.
    static func answer(directory: String) -> [MendingReport]? {
        guard let bytes = try? SmallFile.contents(answerPath(directory), limit: 1 << 20) else { return nil }
        defer { unlink(answerPath(directory)) }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { line in
            MendingReport(text: String(line.dropFirst(2)), isFailure: line.hasPrefix("- "))
        }
    }

    /// For the server: the attributes that are asked about; nil if nobody asks.
    static func take(directory: String) -> [String]? {
        guard SmallFile.exists(requestPath(directory)), let bytes = try? SmallFile.contents(requestPath(directory), limit: 1 << 20) else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// For the server: answers, and forgets the question. Until then a server that starts anew takes it up again.
    static func answer(_ reports: [MendingReport], directory: String) {
        try? replace(answerPath(directory), reports.map { ($0.isFailure ? "- " : "+ ") + $0.text })
        unlink(requestPath(directory))
    }

    private static func replace(_ path: String, _ lines: [String]) throws(FileError) {
        try SmallFile.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: path + ".new")
        guard rename(path + ".new", path) == 0 else { throw FileError(path, errno: errno) }
    }
}

/// What was done to an index, in words.
public struct MendingReport: Sendable, Hashable {
    public var text: String
    public var isFailure: Bool
}

/// Looks now and then whether somebody asks the server to mend an index.
final class IndexRequestWatch: Sendable {
    private let task: Task<Void, Never>

    init(_ assembly: Assembly, directory: String) {
        task = Task {
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                guard let attributes = IndexRequests.take(directory: directory) else { continue }
                var reports: [MendingReport] = []
                for attribute in attributes { reports.append(await assembly.mend(attribute)) }
                IndexRequests.answer(reports, directory: directory)
            }
        }
    }

    func stop() { task.cancel() }
}
