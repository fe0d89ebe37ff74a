import ArgumentParser
import Muster
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Lines for people and scripts: each is written at once, since a script may wait for it.
enum Console {
    static func line(_ text: String) { write(Array((text + "\n").utf8), to: STDOUT_FILENO) }
    static func error(_ text: String) { write(Array((text + "\n").utf8), to: STDERR_FILENO) }

    /// Whether standard error is a terminal, where a line may be written over.
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes over the current line of the terminal.
    static func status(_ text: String) { write(Array(("\r\u{1b}[K" + text).utf8), to: STDERR_FILENO) }

    /// Writes all bytes.
    /// - Returns: false if the system refuses (a closed pipe, a full disk).
    @discardableResult
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                #if canImport(Glibc)
                Glibc.write(descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
                #elseif canImport(Musl)
                Musl.write(descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
                #else
                Darwin.write(descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
                #endif
            }
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            offset += count
        }
        return true
    }
}

/// Runs a subcommand and turns what goes wrong into a message and the exit status.
func reportingErrors<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
        return try await body()
    } catch let error as DataDirectory.InUse {
        Console.error("muster: \(error)")
        throw ExitCode(75)  // EX_TEMPFAIL of sysexits.h: may succeed later
    } catch let error as ExitCode {
        throw error
    } catch {
        Console.error("muster: \(error)")
        throw ExitCode.failure
    }
}
