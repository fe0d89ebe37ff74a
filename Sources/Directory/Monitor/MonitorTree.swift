import EntryStore
import LDAP
import Schema

/// An entry of `cn=Monitor`.
struct MonitorEntry: Sendable {
    /// Values of the RDNs below `cn=Monitor`, the topmost first; empty: that entry itself.
    let path: [String]
    let classes: [String]
    var attributes: [(name: String, values: [String])]

    init(_ path: [String], _ classes: [String], _ attributes: [(String, [String])] = []) {
        self.path = path
        self.classes = classes
        self.attributes = attributes.map { (name: $0.0, values: $0.1) }
    }

    /// In string form.
    var name: String { (path.reversed().map { "cn=\($0)" } + [Monitor.name]).joined(separator: ",") }

    /// The record, with all attributes or those that `isWanted` says.
    func record(_ table: AttributeTable, hasSubordinates: Bool, _ isWanted: (AttributeTypeID) -> Bool = { _ in true }) -> [UInt8] {
        var entry = Entry()
        func set(_ name: String, _ values: [String]) {
            guard let type = table.schema.attributeType(named: name), isWanted(type), let id = table.id(of: type) else { return }
            entry[id] = values.map { Array($0.utf8) }
        }
        set("objectClass", classes)
        if let structural = classes.first { set("structuralObjectClass", [structural]) }
        set("cn", [path.last ?? "Monitor"])
        for attribute in attributes { set(attribute.name, attribute.values) }
        set("entryDN", [name])
        set("subschemaSubentry", ["cn=Subschema"])
        set("hasSubordinates", [hasSubordinates ? "TRUE" : "FALSE"])
        return entry.record(parent: .root, rdn: Array(name.utf8), flags: [])
    }
}

/// The entries of `cn=Monitor` at one moment, with OpenLDAP's names. Those of connections are made one by one.
struct MonitorTree: Sendable {
    private(set) var entries: [MonitorEntry] = []
    private let connections: [MonitorFacts.Connection]
    private let now: Int64
    private let containers: Set<[String]>

    /// All, connections included.
    var count: Int { entries.count + connections.count }

    subscript(index: Int) -> MonitorEntry {
        index < entries.count ? entries[index] : connection(connections[index - entries.count])
    }

    /// Whether there are entries below one.
    func hasSubordinates(_ entry: MonitorEntry) -> Bool { containers.contains(entry.path) }

    /// The place of an entry with this path in lower case; nil: there is none.
    func index(of path: [String]) -> Int? {
        if let place = entries.firstIndex(where: { $0.path.map { $0.lowercased() } == path }) { return place }
        guard path.count == 2, path[0] == "connections", path[1].hasPrefix("connection "), let id = UInt64(path[1].dropFirst(11)),
            let place = connections.firstIndex(where: { $0.id == id })
        else { return nil }
        return entries.count + place
    }

    init(_ directory: Directory, withConnections: Bool) {
        let facts = directory.monitor.facts(withConnections: withConnections)
        connections = facts.connections.sorted { $0.id < $1.id }
        now = ChangeClock.shared.next().microseconds
        var builder = MonitorTreeBuilder()
        builder.add(directory, facts, now: now)
        entries = builder.entries
        var containers = Set(builder.entries.filter { !$0.path.isEmpty }.map { Array($0.path.dropLast()) })
        containers.insert(["Connections"])
        self.containers = containers
    }

    private func connection(_ connection: MonitorFacts.Connection) -> MonitorEntry {
        func time(_ ago: Int) -> String {
            String(decoding: ChangeClock.Moment(microseconds: max(0, now - Int64(ago) * 1_000_000)).timestamp, as: UTF8.self)
        }
        let completed = connection.operationsReceived &- UInt64(min(UInt64(connection.operationsExecuting), connection.operationsReceived))
        return MonitorEntry(
            ["Connections", "Connection \(connection.id)"], ["monitorConnection"],
            [
                ("monitorConnectionNumber", ["\(connection.id)"]),
                ("monitorConnectionAuthzDN", connection.name.isEmpty ? [] : [String(decoding: connection.name, as: UTF8.self)]),
                ("monitorConnectionProtocol", ["3"]),
                ("monitorConnectionOpsReceived", ["\(connection.operationsReceived)"]),
                ("monitorConnectionOpsExecuting", ["\(connection.operationsExecuting)"]),
                ("monitorConnectionOpsCompleted", ["\(completed)"]),
                ("monitorConnectionMask", [connection.mask]),
                ("monitorConnectionListener", [connection.listener]),
                ("monitorConnectionPeerAddress", [connection.peer]),
                ("monitorConnectionStartTime", [time(connection.age)]),
                ("monitorConnectionActivityTime", [time(connection.idle)]),
            ].filter { !$0.1.isEmpty })
    }
}
