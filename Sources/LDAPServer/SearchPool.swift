import BER
import Directory
import NIOCore
import NIOPosix
import Synchronization

/// The threads that long searches run on. Each step makes one chunk of answers, so many searches share few threads fairly,
/// and none waits here for a slow client.
final class SearchPool: Sendable {
    /// What a search thread keeps: made by the thread's first search, confined to it.
    private final class ThreadState: @unchecked Sendable {
        // Sound: reached only through the thread-specific variable, which gives each thread its own.
        let worker: DirectoryWorker
        var output = BERBuffer(capacity: 1 << 16)
        init(_ directory: Directory) { worker = DirectoryWorker(directory) }
    }

    private let directory: Directory
    private let chunk: Int
    private let threads: NIOThreadPool
    private let state = ThreadSpecificVariable<ThreadState>()
    private let allocator = ByteBufferAllocator()

    init(_ directory: Directory, threads: Int, chunk: Int) {
        self.directory = directory
        self.chunk = chunk
        self.threads = NIOThreadPool(numberOfThreads: threads)
        self.threads.start()
    }

    /// Makes the next chunk of a search; the mailbox gets it.
    /// - Parameter isFinishing: see ``LongSearch/advance(worker:limit:isFinishing:output:)``.
    func advance(_ search: LongSearch, connection: UInt64, mailbox: LoopMailbox, isFinishing: Bool = false) {
        threads.submit { item in
            guard item == .active else { return }
            let state = self.threadState()
            let progress = search.advance(worker: state.worker, limit: self.chunk, isFinishing: isFinishing, output: &state.output)
            let bytes = self.allocator.buffer(copying: state.output)
            state.output.removeAll(keeping: 1 << 18)
            mailbox.post(.chunk(connection: connection, search, bytes, progress))
        }
    }

    private func threadState() -> ThreadState {
        if let existing = state.currentValue { return existing }
        let made = ThreadState(directory)
        state.currentValue = made
        return made
    }

    func shutdown() async { try? await threads.shutdownGracefully() }
}

extension ByteBufferAllocator {
    /// Finished answers, in memory of their own size.
    /// - Parameter start: bytes to leave out.
    func buffer(copying answers: borrowing BERBuffer, from start: Int = 0) -> ByteBuffer { buffer(copying: answers.bytes, from: start) }

    /// Finished answers, in memory of their own size.
    /// - Parameter start: bytes to leave out.
    func buffer(copying answers: RawSpan, from start: Int = 0) -> ByteBuffer {
        var bytes = buffer(capacity: answers.byteCount - start)
        bytes.writeBytes(answers.extracting(start..<answers.byteCount))
        return bytes
    }
}
