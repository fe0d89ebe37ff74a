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
/// To be used only while the channel is active and holds no writes, and nothing (TLS) stands between the connection and its channel.
struct DirectOutput {
    let descriptor: Int32

    /// Nil if the channel has no socket.
    init?(_ context: ChannelHandlerContext) {
        guard let handle = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self, { $0 }), handle >= 0
        else { return nil }
        descriptor = handle
    }

    /// - Returns: how many bytes were taken, from the first on.
    func send(_ answers: borrowing BERBuffer) -> Int {
        #if canImport(Darwin)
        // There the channel has switched the signal off for the socket.
        let flags: Int32 = 0
        #else
        let flags = Int32(MSG_NOSIGNAL)
        #endif
        let (descriptor, count) = (descriptor, answers.count)
        return answers.bytes.withUnsafeBytes { buffer in
            #if canImport(Glibc)
            max(0, Glibc.send(descriptor, buffer.baseAddress, count, flags))
            #elseif canImport(Musl)
            max(0, Musl.send(descriptor, buffer.baseAddress, count, flags))
            #else
            max(0, Darwin.send(descriptor, buffer.baseAddress, count, flags))
            #endif
        }
    }
}
