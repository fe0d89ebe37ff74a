import Directory
import NIOCore
import NIOSSL
import NIOTLS

/// A TLS handshake under way on one connection: puts what carries it out in front of the connection's handler, and knows what was agreed
/// on. Confined to the event loop.
final class Handshake {
    /// When it began.
    let since: NIODeadline
    private var serverName: String?
    private var endPoint: [UInt8]?
    fileprivate var cipherSuite: UInt16?

    /// Begins: from now on what the client sends is TLS.
    /// - Throws: if the channel is closed already.
    init(_ contexts: TLSContexts, _ channel: any Channel, since: NIODeadline, before connection: LDAPConnection) throws {
        self.since = since
        let pipeline = channel.pipeline.syncOperations
        // The name that the client asks for is read first, because the certificate depends on it; then the handler goes.
        let names = ByteToMessageHandler(
            SNIHandler { result in
                if case .hostname(let name) = result { self.serverName = Self.normalize(name) }
                do {
                    var configuration = NIOSSLHandler.Configuration()
                    configuration.maximumPreservedOutboundBufferCapacity = 1 << 16
                    let chosen = contexts.context(serverName: self.serverName)
                    self.endPoint = chosen.endPoint
                    let handler = NIOSSLServerHandler(
                        context: chosen.context, customVerificationCallback: nil, configuration: configuration)
                    try pipeline.addHandler(handler, position: .before(connection))
                } catch {
                    channel.close(promise: nil)
                }
                return channel.eventLoop.makeSucceededVoidFuture()
            })
        try pipeline.addHandler(names, position: .before(connection))
        try pipeline.addHandler(ServerHelloReader(self), position: .before(names))
        try pipeline.addHandler(EncryptedOutput(connection.loop), position: .first)
    }

    /// What was agreed on, when the handshake is complete.
    func facts(_ channel: any Channel) throws(TLSError) -> TLSFacts {
        let pipeline = channel.pipeline.syncOperations
        let suite = cipherSuite.flatMap(CipherSuite.init)
        do {
            let version: String
            switch try pipeline.nioSSL_tlsVersion() {
            case .tlsv13: version = "TLSv1.3"
            case .tlsv12: version = "TLSv1.2"
            default: throw TLSError("unknown version of TLS")
            }
            return TLSFacts(
                version: version, cipher: suite?.name ?? "", strength: suite?.strength ?? 128, serverName: serverName,
                clientSubject: try pipeline.nioSSL_peerCertificate().map { try CertificateSubject.string(ofDER: $0.toDERBytes()) },
                endPoint: endPoint)
        } catch let error as TLSError {
            throw error
        } catch {
            throw TLSError("\(error)")
        }
    }

    /// Host names are compared in lower case, without the dot of the root (RFC 6066 section 3 has none).
    static func normalize(_ name: String) -> String? {
        var name = name.lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        return name.isEmpty || name.utf8.count > 255 ? nil : name
    }
}

/// Reads from the server's hello which cipher suite it has chosen (RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3), then goes. The hello
/// is in clear, and is the first that the server sends.
private final class ServerHelloReader: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let handshake: Handshake
    private var isDone = false
    private var isLeaving = false

    init(_ handshake: Handshake) { self.handshake = handshake }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if !isDone { handshake.cipherSuite = Self.cipherSuite(unwrapOutboundIn(data)) }
        isDone = true
        context.write(data, promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        // Not earlier: what is flushed together with the hello still comes through here.
        guard isDone, !isLeaving else { return }
        isLeaving = true
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    /// Record: type, version, length. Message: type, length of three octets, version, random. Then session id and cipher suite.
    private static func cipherSuite(_ record: ByteBuffer) -> UInt16? {
        var record = record
        guard record.readInteger(as: UInt8.self) == 22, record.readSlice(length: 4) != nil, record.readInteger(as: UInt8.self) == 2,
            record.readSlice(length: 3 + 2 + 32) != nil, let count = record.readInteger(as: UInt8.self),
            record.readSlice(length: Int(count)) != nil
        else { return nil }
        return record.readInteger(as: UInt16.self)
    }
}
