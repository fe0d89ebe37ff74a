import BER
import EntryStore
import Schema

/// Gathers the attributes of an entry that is made, in any order.
struct MadeAttributes {
    private let table: AttributeTable
    private var values: [(id: AttributeID, list: [[UInt8]])] = []

    init(_ table: AttributeTable) { self.table = table }

    /// Types that the schema does not have are left out.
    mutating func set(_ name: String, _ list: [[UInt8]]) {
        guard !list.isEmpty, let type = table.schema.attributeType(named: name), let id = table.id(of: type) else { return }
        set(id, list)
    }

    mutating func set(_ name: String, _ text: String) { set(name, [Array(text.utf8)]) }

    /// A name that is empty is left out: distinguished names of the root are no values.
    mutating func set(_ name: String, unlessEmpty value: [UInt8]) {
        if !value.isEmpty { set(name, [value]) }
    }

    mutating func set(_ id: AttributeID, _ list: [[UInt8]]) {
        values.removeAll { $0.id == id }
        values.append((id, list))
    }

    /// Puts the entry together.
    consuming func finish(into made: inout MadeEntry) {
        values.sort { $0.id < $1.id }
        made.begin()
        for (id, list) in values where made.wants(id) {
            made.beginAttribute(id)
            for value in list { made.appendValue(value.rawSpan) }
            made.endAttribute()
        }
        made.finish()
    }
}
