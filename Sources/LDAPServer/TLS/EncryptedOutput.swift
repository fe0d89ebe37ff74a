import NIOCore

/// Sends what TLS has encrypted past the channel's list of writes: ``DirectOutput`` for connections with TLS. Stands between TLS and the
/// channel; confined to the event loop.
///
/// What was written is held for a moment, until the loop has handled what else has come (``LoopContext/gather(_:)``). Each answer wakes
/// another client; one after the other they cost less than each between two requests.
///
/// What the system does not take waits in the channel, and everything after that waits behind it: the order of the bytes, and the
/// channel's account of what a slow client has not taken, are as they would be without this handler.
final class EncryptedOutput: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let loop: LoopContext
    private var context: ChannelHandlerContext?
    // Unchecked: confined to the event loop, and no access lasts longer than a load or a store.
    /// Nil until the channel is active and has sent what was written before this handler came (the answer to StartTLS).
    @exclusivity(unchecked) private var direct: DirectOutput?
    /// The last write, if it was not sent yet. Its memory is TLS's own, used again when it was sent.
    @exclusivity(unchecked) private var held: ByteBuffer?
    /// How many writes the channel holds.
    @exclusivity(unchecked) private var waiting = 0

    init(_ loop: LoopContext) { self.loop = loop }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        sendHeld()
        // Who wants to be told (at the end of a connection) is told by the channel.
        guard waiting == 0, promise == nil, isDirect(context) else { return pass(unwrapOutboundIn(data), promise, context) }
        held = unwrapOutboundIn(data)
        loop.gather(self)
    }

    func flush(context: ChannelHandlerContext) {
        // TLS flushes whatever it writes.
        if waiting > 0 { context.flush() }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        sendHeld()
        context.close(mode: mode, promise: promise)
    }

    /// Closes the channel, whatever TLS waits for.
    func close() {
        sendHeld()
        context?.close(promise: nil)
    }

    func sendHeld() {
        guard var bytes = held else { return }
        held = nil
        guard let context, let direct, context.channel.isActive else { return }
        let sent = bytes.withUnsafeReadableBytes { direct.send($0) }
        guard sent < bytes.readableBytes else { return }
        bytes.moveReaderIndex(forwardBy: sent)
        pass(bytes, nil, context)
        context.flush()
    }

    private func pass(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        waiting += 1
        let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.waiting -= 1 }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    private func isDirect(_ context: ChannelHandlerContext) -> Bool {
        if direct == nil, context.channel.isActive, (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0 {
            direct = DirectOutput(context)
        }
        return direct != nil
    }
}
