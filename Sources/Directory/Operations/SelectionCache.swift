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
        let isAdministrator: Bool
        let catalogue: Catalogue
        let selection: EntrySelection
    }

    private var kept: [Kept] = []
    private var next = 0
    private static let limit = 16
    /// Longer selections are not kept.
    private static let byteLimit = 1024

    /// The selection of a request, new or known.
    mutating func selection(
        _ request: borrowing SearchRequest, _ view: EntrySelection.View, isAdministrator: Bool, _ access: AccessControl,
        _ catalogue: Catalogue, _ virtual: VirtualAttributes
    ) -> EntrySelection {
        let requestBytes = request.bytes
        let bytes = requestBytes.rawSpan
        var asked = ByteRange.empty
        if let first = request.attributes.first, let last = request.attributes.last {
            asked = ByteRange(start: first.lowerBound, count: last.upperBound - first.lowerBound)
        }
        let key = bytes.slice(asked)
        let firstCount = Int(request.attributes.first?.count ?? 0)
        for entry in kept {
            if entry.count == request.attributes.count, entry.firstCount == firstCount, entry.isAdministrator == isAdministrator, entry.typesOnly == request.typesOnly, entry.view == view,
                entry.catalogue === catalogue, entry.bytes.rawSpan.elementsEqual(key)
            {
                return entry.selection
            }
        }
        let selection = EntrySelection(
            request.attributes, in: bytes, typesOnly: request.typesOnly, view: view, access: access, catalogue, virtual)
        guard key.byteCount <= Self.byteLimit else { return selection }
        let entry = Kept(
            bytes: key.array, count: request.attributes.count, firstCount: firstCount, typesOnly: request.typesOnly, view: view, isAdministrator: isAdministrator, catalogue: catalogue,
            selection: selection)
        if kept.count < Self.limit {
            kept.append(entry)
        } else {
            kept[next] = entry
            next = (next + 1) % Self.limit
        }
        return selection
    }
}
