import BER
import Directory
import LDAP
import NIOCore
import Synchronization

// Operations that other threads carry out: long searches, changes, work that takes long. Their answers wait while the client has only a part
// of an entry.
extension LDAPConnection {
    var operationsInFlight: Int { session.operations.count }

    func start(_ search: LongSearch) {
        session.operations.register(search)
        let (id, mailbox) = (id, loop.mailbox)
        search.waker.set { [weak search] in
            if let search { mailbox.post(.woken(connection: id, search)) }
        }
        loop.server.counters.searchesInFlight.add(1, ordering: .relaxed)
        loop.server.advance(search, connection: id, mailbox: loop.mailbox)
        holdIfFull()
    }

    func start(_ write: PendingWrite, _ kind: OperationKind) {
        session.operations.register(write)
        loop.server.counters.writesInFlight.add(1, ordering: .relaxed)
        let (id, mailbox, messageID) = (id, loop.mailbox, write.messageID)
        loop.server.directory.submit(write, from: id) { mailbox.post(.answer(connection: id, messageID: messageID, kind, $0)) }
        holdIfFull()
    }

    func holdIfFull() {
        guard operationsInFlight >= limits.maximumOperationsPerConnection, !holds.contains(.operations) else { return }
        holds.insert(.operations)
        loop.server.counters.operationsHeld.add(1, ordering: .relaxed)
    }

    func start(_ operation: BlockingOperation, _ kind: OperationKind) -> Bool {
        let pool = operation.waitsForOthers ? loop.server.waitingWork : loop.server.work
        ticket = pool.submit(operation, kind, connection: id, mailbox: loop.mailbox)
        guard ticket != nil else {
            loop.server.counters.workRefused.add(1, ordering: .relaxed)
            loop.worker.complete(kind)
            loop.server.directory.writeNoticeOfDisconnection(.busy, "too much work waits", output: &loop.output)
            return false
        }
        holds.insert(.blocking)
        return true
    }

    /// Takes the answer of a change.
    func finishWrite(_ messageID: Int, _ answer: [UInt8]) {
        if entry != nil { return waiting.append(.write(messageID, answer)) }
        session.operations.completeWrite(messageID)
        if case .open = phase, let context {
            loop.output.append(answer)
            // The answers of a group commit go out together.
            writeAnswers(context, isMoreToCome: true)
            flushAnswers()
        }
        operationEnded()
    }

    /// Takes a chunk of a search, and has the next one made as soon as the client can take it.
    func continueSearch(_ search: LongSearch, _ bytes: ByteBuffer, _ progress: LongSearch.Progress) {
        guard case .open = phase else { return forgetSearches(1) }
        if let entry, entry !== search { return waiting.append(.chunk(search, bytes, progress)) }
        let wasInsideEntry = entry != nil
        if search.isInsideEntry {
            entry = search
            holds.insert(.entry)
        } else if wasInsideEntry {
            entry = nil
            holds.remove(.entry)
        }
        if bytes.readableBytes > 0, let context {
            write(bytes, context)
            flushAnswers()
            // The client may be found to be gone by that.
            guard case .open = phase else { return forgetSearches(1) }
        }
        defer { if wasInsideEntry, entry == nil { deliverWaiting() } }
        switch progress {
        case .more where holds.contains(.unwritable):
            parked.append(search)
        case .more:
            loop.server.advance(search, connection: id, mailbox: loop.mailbox)
        case .waiting:
            if holds.contains(.stopping) || isInputClosed { search.cancel() }
            listening.append(search)
            if search.hasNews { wake(search) }
        case .done:
            forgetSearches(1)
            session.operations.complete(search)
            operationEnded()
        case .broken:
            forgetSearches(1)
            session.operations.complete(search)
            abort("storage failed")
        }
    }

    /// Searches have ended, in whatever way.
    func forgetSearches(_ count: Int) {
        loop.server.counters.searchesInFlight.subtract(count, ordering: .relaxed)
        for _ in 0..<count { loop.worker.complete(.search) }
    }

    /// Has a search that waits for changes go on; one that does not wait will see them anyway.
    func wake(_ search: LongSearch) {
        guard let index = listening.firstIndex(where: { $0 === search }) else { return }
        listening.remove(at: index)
        if holds.contains(.unwritable), case .open = phase {
            parked.append(search)
        } else {
            loop.server.advance(search, connection: id, mailbox: loop.mailbox)
        }
    }

    /// An entry is complete: what waited for that goes on.
    func deliverWaiting() {
        let items = waiting
        waiting = []
        for item in items {
            switch item {
            case .write(let messageID, let answer): finishWrite(messageID, answer)
            case .chunk(let search, let bytes, let progress): continueSearch(search, bytes, progress)
            case .work(let operation, let kind, let result): finishWork(operation, kind, result)
            }
        }
        flushAnswers()
        resume()
    }

    /// Searches that have kept a snapshot for long while the client takes nothing make the rest of their entry now, and give it back.
    func finishParkedEntries() {
        guard parked.contains(where: { $0.isOverdue }) else { return }
        let overdue = parked.filter { $0.isOverdue }
        parked.removeAll { one in overdue.contains { $0 === one } }
        for search in overdue { loop.server.searches.advance(search, connection: id, mailbox: loop.mailbox, isFinishing: true) }
    }

    /// Has the second half of a blocking operation run.
    func finishWork(_ operation: BlockingOperation, _ kind: OperationKind, _ result: any Sendable) {
        if entry != nil { return waiting.append(.work(operation, kind, result)) }
        ticket = nil
        guard case .open = phase, let context else { return loop.worker.complete(kind) }
        if let write = operation.finish(result, session, &loop.output) { start(write, kind) } else { loop.worker.complete(kind) }
        writeAnswers(context)
        flushAnswers()
        holds.remove(.blocking)
        operationEnded()
    }

    func operationEnded() {
        guard case .open = phase else { return }
        lastActivity = loop.now
        if operationsInFlight < limits.maximumOperationsPerConnection { holds.remove(.operations) }
        if holds.contains(.stopping) { stop() } else { resume() }
    }
}
