internal import CLMDB
import Synchronization

/// About where in the map a value lies: a hint, to have it fetched ahead (``Transaction/fetchAhead(_:)``). Wrong as soon as the value is changed,
/// which does no harm.
public struct MapPlace: Hashable, Sendable {
    /// In lines of the processor's cache, of 64 octets, from the first place that was asked for; 0 is none.
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    public static let none = MapPlace(rawValue: 0)

    fileprivate static let lineBits: UInt = 6
    fileprivate static let linesAhead: UInt = 4
    fileprivate static let page: UInt = 4096
}

extension Transaction {
    /// Where a value that was read lies.
    public borrowing func place(of value: RawSpan) -> MapPlace {
        let line = unsafe value.withUnsafeBytes { unsafe UInt(bitPattern: $0.baseAddress) } >> MapPlace.lineBits
        guard line > 1 else { return .none }
        var origin = environment.originOfPlaces.load(ordering: .relaxed)
        if origin == 0 {
            // One line before the first, so that no place near it is 0.
            let (_, earlier) = environment.originOfPlaces.compareExchange(expected: 0, desired: line - 1, ordering: .relaxed)
            origin = earlier == 0 ? line - 1 : earlier
        }
        return MapPlace(rawValue: Int32(exactly: Int(bitPattern: line) &- Int(bitPattern: origin)) ?? 0)
    }

    /// Has the processor fetch the beginning of a value, and that of its page, which a descent to it reads too, while it does something else.
    public borrowing func fetchAhead(_ place: MapPlace) {
        guard place != .none else { return }
        let origin = environment.originOfPlaces.load(ordering: .relaxed)
        let address = UInt(bitPattern: Int(bitPattern: origin) &+ Int(place.rawValue)) << MapPlace.lineBits
        // Any address may be fetched ahead: the processor ignores those that are none.
        unsafe muster_fetch_ahead(UnsafeRawPointer(bitPattern: address & ~(MapPlace.page - 1)))
        for line in 0..<MapPlace.linesAhead { unsafe muster_fetch_ahead(UnsafeRawPointer(bitPattern: address &+ line << MapPlace.lineBits)) }
    }
}
