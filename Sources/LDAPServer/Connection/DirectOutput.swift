import BER
import NIOCore
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Sends answers to a connection's socket at once, past the channel and its list of writes that wait.
///
/// Nearly every answer is taken whole by the system. The way through the channel, which is there for the others, costs a fifth of all that
/// a look-up does. What the system does not take goes that way, and so does every failure: the channel meets it again and closes.
///
/// To be used only while the channel is active and holds no writes, by the last before the channel: the connection, or, with TLS,
/// ``EncryptedOutput``.
struct DirectOutput {
    let descriptor: Int32

    /// Nil if the channel has no socket.
    init?(_ context: ChannelHandlerContext) {
        guard let handle = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self, { $0 }), handle >= 0
        else { return nil }
        descriptor = handle
    }

    /// - Returns: how many bytes were taken, from the first on.
    func send(_ answers: borrowing BERBuffer) -> Int { send(answers.bytes) }

    /// - Returns: how many bytes were taken, from the first on.
    func send(_ answers: RawSpan) -> Int {
        answers.withUnsafeBytes { send($0) }
    }

    /// - Returns: how many bytes were taken, from the first on.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
        max(0, Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)))
        #elseif canImport(Musl)
        max(0, Musl.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)))
        #else
        // The channel has switched the signal off for the socket.
        max(0, Darwin.send(descriptor, bytes.baseAddress, bytes.count, 0))
        #endif
    }
}
