import EntryStore
import LDAP
import Schema

/// A change that was decoded and authorised as far as the request alone allows; the rest is checked inside the write transaction.
public struct PendingWrite: Sendable {
    public let messageID: Int
    /// Of the answer.
    let tag: UInt8
    /// Told of the answer, for the log.
    let observed: @Sendable (WriteAnswer) -> Void
    /// Checks, then changes. What it changed before it throws is taken back if it is tentative; else it throws before it changes.
    let change: @Sendable (inout StoreTransaction) throws(LDAPError) -> WriteAnswer
    /// Whether changes may have to be taken back: then it has a store transaction of its own.
    let isTentative: Bool
    /// Bytes of the request.
    var size = 0
    /// The directory that checked it, by the schema as it was then.
    private(set) var directory: Directory?
    /// Checks the request anew, by the schema as it is now.
    private var prepareAgain: (@Sendable (Directory) throws(LDAPError) -> PendingWrite)?
    /// Whether it must not be made together with others.
    var isAlone: Bool

    init(
        messageID: Int, tag: UInt8, isTentative: Bool = false, observed: @escaping @Sendable (WriteAnswer) -> Void,
        _ change: @escaping @Sendable (inout StoreTransaction) throws(LDAPError) -> WriteAnswer
    ) {
        self.messageID = messageID
        self.tag = tag
        self.isTentative = isTentative
        isAlone = isTentative
        self.observed = observed
        self.change = change
    }

    /// A change with the controls that say how it is to be made. With the no-op control it is made, and taken back.
    init(
        messageID: Int, tag: UInt8, controls: WriteControls, observed: @escaping @Sendable (WriteAnswer) -> Void,
        _ change: @escaping @Sendable (inout StoreTransaction) throws(LDAPError) -> WriteAnswer
    ) {
        guard controls.noOperation else {
            self.init(messageID: messageID, tag: tag, observed: observed, change)
            return
        }
        self.init(messageID: messageID, tag: tag, isTentative: true, observed: observed) { transaction throws(LDAPError) in
            let answer = try change(&transaction)
            guard answer.code == .success else { return answer }
            throw LDAPError(.noOperation, "nothing was changed, as the no-op control asks", controls: answer.controls)
        }
    }

    /// A change that is checked again should the schema change before the writer comes to it: what was good may not be so any more.
    static func prepared(
        _ directory: Directory, _ prepare: @escaping @Sendable (Directory) throws(LDAPError) -> PendingWrite
    ) throws(LDAPError) -> PendingWrite {
        var write = try prepare(directory)
        write.directory = directory
        write.prepareAgain = prepare
        return write
    }

    /// Makes the change.
    func make(_ transaction: inout StoreTransaction) throws(LDAPError) -> WriteAnswer {
        if let directory, let prepareAgain, !directory.schema.isIdentical(to: transaction.catalogue.schema) {
            return try prepareAgain(directory.current).change(&transaction)
        }
        return try change(&transaction)
    }

    /// The change as the writer takes it; `completion` gets the finished answer message.
    /// - Parameter connection: who asks.
    func job(from connection: UInt64, _ completion: @escaping @Sendable ([UInt8]) -> Void) -> Writer.Job {
        let write = self
        return Writer.Job(
            source: connection, bytes: size, isAlone: isAlone,
            body: { transaction in
                let answer: WriteAnswer
                do throws(LDAPError) { answer = try write.make(&transaction) } catch {
                    answer = WriteAnswer(error)
                    if write.isTentative { transaction.withdraw() }
                }
                return write.finished(answer)
            },
            failed: { write.finished(WriteAnswer(LDAPError(storage: $0))) },
            completion: completion)
    }

    /// A change may be made again, or fail with its neighbours: told of is what the client is told.
    private func finished(_ answer: WriteAnswer) -> Writer.Answer {
        let observed = self.observed
        return Writer.Answer(answer.encode(messageID: messageID, tag: tag)) { observed(answer) }
    }
}
