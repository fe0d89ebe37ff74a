import EntryStore
import LDAP
import Synchronization

/// Makes the entries of `cn=Monitor`.
struct MonitorTreeBuilder {
    private(set) var entries: [MonitorEntry] = []

    private mutating func container(_ name: String, _ description: String, _ attributes: [(String, [String])] = []) {
        entries.append(MonitorEntry([name], ["monitorContainer"], [("description", [description])] + attributes))
    }

    private mutating func counter(_ path: [String], _ value: some BinaryInteger, _ more: [(String, [String])] = []) {
        entries.append(MonitorEntry(path, ["monitorCounterObject"], [("monitorCounter", ["\(value)"])] + more))
    }

    private mutating func information(_ path: [String], _ value: some CustomStringConvertible, _ description: String? = nil) {
        entries.append(
            MonitorEntry(path, ["monitoredObject"], [("monitoredInfo", ["\(value)"])] + (description.map { [("description", [$0])] } ?? [])))
    }

    mutating func add(_ directory: Directory, _ facts: MonitorFacts, now: Int64) {
        entries.append(
            MonitorEntry(
                [], ["monitorServer"],
                [("description", ["This subtree contains monitoring objects."]), ("monitoredInfo", ["Muster \(MusterVersion.current)"])]))
        container("Connections", "This subsystem contains information about connections.")
        counter(["Connections", "Total"], facts.connectionsTotal)
        counter(["Connections", "Current"], facts.connectionsOpen)
        addDatabases(directory)
        addLimits(directory, facts)
        container("Listeners", "This subsystem contains information about active listeners.")
        for (number, listener) in facts.listeners.enumerated() {
            entries.append(MonitorEntry(["Listeners", "Listener \(number)"], ["monitoredObject"], [("labeledURI", [listener])]))
        }
        addOperations(directory, facts)
        container("Threads", "This subsystem contains information about threads.")
        information(["Threads", "Max"], facts.threads, "Threads of all kinds")
        for (name, count) in facts.threadKinds { information(["Threads", name], count) }
        information(["Threads", "Active"], facts.operationsActive, "Operations that run away from the event loops")
        information(["Threads", "Pending"], facts.operationsPending, "Operations that wait for a thread")
        addTimes(directory, now)
        container("TLS", "This subsystem contains information about TLS.")
        counter(["TLS", "Handshakes"], facts.handshakes)
        counter(["TLS", "Failed Handshakes"], facts.handshakesFailed)
        for (number, certificate) in facts.certificates.enumerated() {
            entries.append(
                MonitorEntry(
                    ["TLS", "Certificate \(number)"], ["monitoredObject"],
                    [
                        ("description", [certificate.place]), ("monitoredInfo", [certificate.subject]),
                        // When it expires.
                        ("monitorTimestamp", [time(Int64(certificate.validUntil) * 1_000_000)]),
                    ]))
        }
        container("Waiters", "This subsystem contains information about read/write waiters.")
        counter(["Waiters", "Read"], max(0, facts.connectionsOpen - facts.writeWaiters))
        counter(["Waiters", "Write"], facts.writeWaiters)
    }

    private mutating func addOperations(_ directory: Directory, _ facts: MonitorFacts) {
        let operations = directory.monitor.operations
        container(
            "Operations", "This subsystem contains information about performed operations.",
            [
                ("monitorOpInitiated", ["\(operations.initiated.reduce(0, &+))"]), ("monitorOpCompleted", ["\(operations.completed.reduce(0, &+))"]),
            ])
        for kind in OperationKind.allCases {
            entries.append(
                MonitorEntry(
                    ["Operations", kind.title], ["monitorOperation"],
                    [
                        ("monitorOpInitiated", ["\(operations.initiated[kind.rawValue])"]),
                        ("monitorOpCompleted", ["\(operations.completed[kind.rawValue])"]),
                    ]))
        }
        container("Statistics", "This subsystem contains statistics.")
        let silent = operations.completed[OperationKind.abandon.rawValue] &+ operations.completed[OperationKind.unbind.rawValue]
        counter(["Statistics", "Bytes"], facts.bytesSent)
        counter(["Statistics", "Bytes Received"], facts.bytesReceived)
        // Each entry, and each answer of an operation that has one.
        counter(["Statistics", "PDU"], operations.completed.reduce(0, &+) &- silent &+ operations.entries)
        counter(["Statistics", "Entries"], operations.entries)
        counter(["Statistics", "Referrals"], 0)
    }

    private mutating func addDatabases(_ directory: Directory) {
        let store = directory.store
        container(
            "Databases", "This subsystem contains information about configured databases.",
            [("namingContexts", [""]), ("monitorContext", [Monitor.name]), ("readOnly", ["FALSE"])])
        // A store that cannot be read has nothing to tell.
        guard let statistics = try? store.statistics() else { return }
        let page = max(1, statistics.pageSize)
        entries.append(
            MonitorEntry(
                ["Databases", "Database 1"], ["monitoredObject", "olmMDBDatabase"],
                [
                    ("monitoredInfo", ["mdb"]), ("namingContexts", [""]), ("readOnly", ["FALSE"]), ("monitorIsShadow", ["FALSE"]),
                    ("olmDbDirectory", [store.path]), ("olmMDBPagesMax", ["\(statistics.mapSize / page)"]),
                    ("olmMDBPagesUsed", ["\(statistics.usedSize / page)"]), ("olmMDBPagesFree", ["\(statistics.freePages)"]),
                    ("olmMDBReadersMax", ["\(store.options.maxReaders)"]), ("olmMDBReadersUsed", ["\(statistics.readers)"]),
                    ("olmMDBEntries", ["\(statistics.entries)"]),
                ]))
        for table in statistics.tables {
            counter(["Databases", "Size Of \(table.name)"], table.size, [("description", ["Octets of pages in use"])])
        }
        let writer = directory.writer.statistics
        for (name, value, description) in [
            ("Last Transaction", UInt64(statistics.lastCommit), "Number of the last commit"),
            ("Oldest Reader", UInt64(statistics.commitsSinceOldestReader), "Commits since the state that the oldest reader sees"),
            ("Commits", writer.commits, "Transactions that changed something"),
            ("Changes", writer.operations, "Changes that were answered, refused ones too"),
            ("Largest Group", UInt64(writer.largestGroup), "Most changes in one transaction"),
            ("Waiting Changes", UInt64(writer.waiting), "Changes that wait for the writer"),
            ("Storage Failures", writer.failures, writer.lastFailure ?? "Changes that the storage could not make"),
        ] {
            counter(["Databases", name], value, [("description", [description])])
        }
    }

    private mutating func addLimits(_ directory: Directory, _ facts: MonitorFacts) {
        container("Limits", "What clients may cost: monitoredInfo is the limit, monitorCounter how often it was reached.")
        let limits = directory.settings.limits
        let binds = directory.settings.bindLimits
        let counters = directory.counters
        let own = [
            MonitorFacts.Limit(
                "Search Size", "Entries of a search, for clients without a rule of their own", value: limits.size,
                hits: counters.sizeLimitExceeded.load(ordering: .relaxed)),
            MonitorFacts.Limit(
                "Search Time", "Seconds of a search, for clients without a rule of their own", value: limits.time,
                hits: counters.timeLimitExceeded.load(ordering: .relaxed)),
            MonitorFacts.Limit(
                "Search Candidates", "Entries that a search looks at, for clients without a rule of their own", value: limits.candidates,
                hits: counters.candidatesExceeded.load(ordering: .relaxed)),
            MonitorFacts.Limit(
                "Filter Depth", "Nesting of a filter", value: directory.settings.decoding.filterDepth,
                hits: counters.filtersTooDeep.load(ordering: .relaxed)),
            MonitorFacts.Limit(
                "Filter Terms", "Terms of a filter, substring parts included", value: directory.settings.decoding.filterNodes,
                hits: counters.filtersTooLong.load(ordering: .relaxed)),
            MonitorFacts.Limit(
                "Request Parts", "Attributes, values, controls of a request and the other fixed limits; monitoredInfo is that of attributes",
                value: directory.settings.decoding.attributes, hits: counters.otherLimitsExceeded.load(ordering: .relaxed)),
            MonitorFacts.Limit(
                "Bind Failures Per Address", "Wrong passwords from an IP address within a minute", value: binds.failuresPerAddress,
                hits: counters.bindsRefusedForAddress.load(ordering: .relaxed)),
            MonitorFacts.Limit(
                "Bind Failures Per Entry", "Wrong passwords for a name within a minute", value: binds.failuresPerEntry,
                hits: counters.bindsRefusedForEntry.load(ordering: .relaxed)),
        ]
        for limit in facts.limits + own {
            counter(
                ["Limits", limit.name], limit.hits,
                [("description", [limit.description]), ("monitoredInfo", [limit.value == 0 ? "unlimited" : "\(limit.value)"])])
        }
    }

    private mutating func addTimes(_ directory: Directory, _ now: Int64) {
        container("Time", "This subsystem contains information about time.")
        entries.append(MonitorEntry(["Time", "Start"], ["monitoredObject"], [("monitorTimestamp", [time(directory.monitor.startTime)])]))
        entries.append(MonitorEntry(["Time", "Current"], ["monitoredObject"], [("monitorTimestamp", [time(now)])]))
        information(["Time", "Uptime"], (ContinuousClock.now - directory.monitor.started).components.seconds)
    }

    private func time(_ microseconds: Int64) -> String {
        String(decoding: ChangeClock.Moment(microseconds: max(0, microseconds)).timestamp, as: UTF8.self)
    }
}
