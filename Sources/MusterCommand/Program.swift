import ArgumentParser
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs the command beside the main thread, which only waits. An asynchronous `main` would end the main thread's stack in
/// libdispatch, and tools that look at the process from outside (valgrind among them) do not survive that.
@main
enum Program {
    static func main() {
        Task.detached {
            await MusterCommand.main()
            exit(0)
        }
        while true { pause() }
    }
}
