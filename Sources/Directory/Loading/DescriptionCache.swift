import BER
import EntryStore

/// Numbers of attribute descriptions as they were spelled lately: a file spells the same few hundred over and over.
struct DescriptionCache {
    private struct Slot {
        var spelling: [UInt8] = []
        var id = AttributeID(rawValue: 0)
    }

    /// A spelling has one slot; whoever comes later takes it.
    private var slots = [Slot](repeating: Slot(), count: 1024)
    /// Longer ones are not kept.
    private static let longest = 128

    private func slot(of spelling: RawSpan) -> Int {
        var hash: UInt32 = 0x811c_9dc5
        for index in 0..<spelling.byteCount { hash = (hash ^ UInt32(spelling[at: index])) &* 0x0100_0193 }
        return Int(hash ^ hash >> 15) & (slots.count - 1)
    }

    /// The number of a spelling that was noted.
    func find(_ spelling: RawSpan) -> AttributeID? {
        guard !spelling.isEmpty, spelling.byteCount <= Self.longest else { return nil }
        let slot = slots[slot(of: spelling)]
        return spelling.elementsEqual(slot.spelling.rawSpan) ? slot.id : nil
    }

    /// Notes a spelling. A number is for ever: nothing has to be forgotten.
    mutating func insert(_ spelling: RawSpan, _ id: AttributeID) {
        guard spelling.byteCount <= Self.longest else { return }
        slots[slot(of: spelling)] = Slot(spelling: spelling.array, id: id)
    }
}
