import BER
import NIOCore

/// Answers that are ready and not sent yet.
///
/// To send an answer wakes the client that waits for it, if it sleeps, and a third of what a look-up costs is that. Answers that are sent one
/// right after the other find a client that has several connections awake but for the first; so they wait until the loop has handled what
/// has come to its connections, or until there are some.
struct GatheredAnswers: ~Copyable {
    enum Part {
        /// The next so many of ``bytes``.
        case answers(LDAPConnection, count: Int)
        /// What the output of a connection with TLS holds itself.
        case encrypted(EncryptedOutput)
    }

    fileprivate static let atMost = 16
    /// Longer ones are sent at once: they are not worth copying. Octets.
    fileprivate static let longest = 1 << 14

    fileprivate var bytes = BERBuffer(capacity: 1 << 15)
    fileprivate var parts: [Part] = []
    fileprivate var willSend = false
}

extension LoopContext {
    /// Takes the answers out of ``output``, to be sent soon; false if they are to be sent at once.
    /// - Parameter isMoreToCome: whether to wait though there is no other connection.
    func gather(for connection: LDAPConnection, isMoreToCome: Bool) -> Bool {
        let count = output.count
        guard isMoreToCome || !isAlone, count <= GatheredAnswers.longest else { return false }
        if case .answers(let last, let before)? = gathered.parts.last, last === connection, before <= GatheredAnswers.longest {
            gathered.parts[gathered.parts.count - 1] = .answers(connection, count: before + count)
            gathered.bytes.append(output.bytes)
            output.removeAll(keeping: 1 << 18)
            return true
        }
        // One part for each: while it is sent nothing of the same connection waits that would have to follow it.
        connection.sendGatheredFirst()
        gathered.bytes.append(output.bytes)
        // Before anything is sent: see ``sendGathered()``.
        output.removeAll(keeping: 1 << 18)
        connection.isGathered = true
        add(.answers(connection, count: count))
        return true
    }

    /// Has an output send what it holds soon.
    func gather(_ output: EncryptedOutput) {
        if isAlone { return output.sendHeld() }
        add(.encrypted(output))
    }

    private func add(_ part: GatheredAnswers.Part) {
        gathered.parts.append(part)
        if gathered.parts.count >= GatheredAnswers.atMost {
            sendGathered()
        } else if !gathered.willSend, !requests.isHandling {
            gathered.willSend = true
            let bound = NIOLoopBound(self, eventLoop: loop)
            // After what has come to all connections.
            loop.execute {
                bound.value.gathered.willSend = false
                bound.value.sendGathered()
            }
        }
    }

    func sendGathered() {
        guard !gathered.parts.isEmpty else { return }
        // A send may have a connection go on with what it held back: nobody else's answers may stand in the output then.
        let isOutputInUse = !output.isEmpty
        var aside = BERBuffer(capacity: 64)
        if isOutputInUse { swap(&aside, &output) }
        defer { if isOutputInUse { swap(&aside, &output) } }
        // A send that fails may close connections, which may gather more.
        var parts: [GatheredAnswers.Part] = []
        swap(&parts, &gathered.parts)
        var bytes = BERBuffer(capacity: 64)
        swap(&bytes, &gathered.bytes)
        var offset = 0
        for part in parts {
            switch part {
            case .answers(let connection, let count):
                connection.sendGathered(bytes.bytes.extracting(offset..<offset + count))
                offset += count
            case .encrypted(let output): output.sendHeld()
            }
        }
        guard gathered.parts.isEmpty else { return }
        // The memory is used again.
        parts.removeAll(keepingCapacity: true)
        swap(&parts, &gathered.parts)
        bytes.removeAll(keeping: 1 << 18)
        swap(&bytes, &gathered.bytes)
    }
}
