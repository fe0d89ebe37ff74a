import BER
import EntryStore
import LDAP

/// The last selections that a thread has made, by what was asked for: making one costs more than sending an entry.
struct SelectionCache {
    private struct Kept {
        /// The selectors as they stood in the request, one after the other with their headers.
        let bytes: [UInt8]
        /// How many selectors, and the length of the first: with the headers in between this tells all of them apart.
        let count: Int
        let firstCount: Int
        let typesOnly: Bool
        let view: EntrySelection.View
        /// Number of the access profile.
        let profile: Int
        let catalogue: Catalogue
        let selection: EntrySelection

        func serves(
            _ request: borrowing SearchRequest, _ key: RawSpan, firstCount: Int, _ view: EntrySelection.View, profile: Int,
            _ catalogue: Catalogue
        ) -> Bool {
            count == request.attributes.count && self.firstCount == firstCount && self.profile == profile
                && typesOnly == request.typesOnly && self.view == view && self.catalogue === catalogue && bytes.rawSpan.elementsEqual(key)
        }
    }

    private var kept: [Kept] = []
    private var next = 0
    private static let limit = 16
    /// Longer selections are not kept.
    private static let byteLimit = 1024

    /// The selection of a request, new or known.
    mutating func selection(
        _ request: borrowing SearchRequest, _ view: EntrySelection.View, _ profile: AccessProfile,
        _ catalogue: Catalogue, _ virtual: VirtualAttributes
    ) -> EntrySelection {
        let bytes = request.bytes.rawSpan
        var asked = ByteRange.empty
        let selectors = request.attributes.count
        if selectors > 0 {
            let first = request.attributes[0]
            asked = ByteRange(start: first.lowerBound, count: request.attributes[selectors - 1].upperBound - first.lowerBound)
        }
        let key = bytes.slice(asked)
        let firstCount = selectors > 0 ? Int(request.attributes[0].count) : 0
        // By index: an element of the list is large to copy.
        for index in kept.indices
        where kept[index].serves(request, key, firstCount: firstCount, view, profile: profile.number, catalogue) {
            return kept[index].selection
        }
        let selection = EntrySelection(
            request.attributes, in: bytes, typesOnly: request.typesOnly, view: view, profile: profile, catalogue, virtual)
        guard key.byteCount <= Self.byteLimit else { return selection }
        let entry = Kept(
            bytes: key.array, count: selectors, firstCount: firstCount, typesOnly: request.typesOnly, view: view,
            profile: profile.number, catalogue: catalogue, selection: selection)
        if kept.count < Self.limit {
            kept.append(entry)
        } else {
            kept[next] = entry
            next = (next + 1) % Self.limit
        }
        return selection
    }
}
