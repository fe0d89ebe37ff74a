import Directory
import NIOCore
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension PeerCredentials {
    /// The process at the other end of a connection on a Unix domain socket, as it was when it connected; nil if the system does not tell.
    init?(_ context: ChannelHandlerContext) {
        let descriptor = try? context.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        guard let descriptor else { return nil }
        #if os(Linux)
        // `struct ucred`: process, user, group.
        var values: [UInt32] = [0, .max, .max]
        var size = socklen_t(12)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &values, &size) == 0, size == 12, values[1] != .max else { return nil }
        self.init(user: values[1], group: values[2])
        #else
        var user = uid_t.max
        var group = gid_t.max
        guard getpeereid(descriptor, &user, &group) == 0, user != uid_t.max else { return nil }
        self.init(user: UInt32(user), group: UInt32(group))
        #endif
    }
}
