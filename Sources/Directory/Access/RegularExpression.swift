#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A POSIX extended regular expression that ignores case, as access rules use them.
final class RegularExpression: @unchecked Sendable {
    // Sound: compiled once, before anybody else sees it, and freed when nobody does; `regexec` on one expression may be called by
    // several threads at once (POSIX).
    private let expression: UnsafeMutablePointer<regex_t>
    private let groups: Int

    /// - Throws: what is wrong with it, in words.
    init(_ pattern: [UInt8]) throws(Failure) {
        guard !pattern.contains(0) else { throw Failure(reason: "a pattern must not hold a zero byte") }
        let expression = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
        let code = (pattern + [0]).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { regcomp(expression, $0, REG_EXTENDED | REG_ICASE) } ?? -1
            }
        }
        guard code == 0 else {
            var message = [CChar](repeating: 0, count: 256)
            _ = regerror(code, expression, &message, message.count)
            expression.deallocate()
            throw Failure(reason: String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        self.expression = expression
        groups = Int(expression.pointee.re_nsub)
    }

    deinit {
        regfree(expression)
        expression.deallocate()
    }

    struct Failure: Error { let reason: String }

    /// Where the whole and each group match, nil for a group that takes no part; nil if there is no match.
    func matches(_ text: [UInt8]) -> [Range<Int>?]? {
        // What comes after a zero byte would be judged unseen.
        guard !text.contains(0) else { return nil }
        var places = [regmatch_t](repeating: regmatch_t(), count: groups + 1)
        let code = (text + [0]).withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                text.baseAddress.map { regexec(expression, $0, places.count, &places, 0) } ?? 1
            }
        }
        guard code == 0 else { return nil }
        return places.map { $0.rm_so >= 0 && $0.rm_eo >= $0.rm_so ? Int($0.rm_so)..<Int($0.rm_eo) : nil }
    }
}
