internal import CLMDB

/// Where in the map a value lies, and how long it is: to read it there again without looking its key up (``Transaction/value(at:)``), or to have it
/// fetched ahead (``Transaction/fetchAhead(_:)``).
public struct MapPlace: Hashable, Sendable {
    /// The address, above the length in octets; 0 is none.
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static let none = MapPlace(rawValue: 0)

    private static let countBits: UInt64 = 17
    private static let addressBits: UInt64 = 47
    fileprivate static let line: UInt = 64
    fileprivate static let linesAhead: UInt = 6
    fileprivate static let page: UInt = 4096

    /// None for a value of more than 131,071 octets, or at an address that has no room here.
    fileprivate init(address: UInt, count: Int) {
        guard address >> UInt(Self.addressBits) == 0, count >> Int(Self.countBits) == 0 else {
            self = .none
            return
        }
        rawValue = UInt64(address) << Self.countBits | UInt64(count)
    }

    fileprivate var address: UInt { UInt(rawValue >> Self.countBits) }
    fileprivate var count: Int { Int(rawValue & (1 << Self.countBits - 1)) }
}

extension Transaction {
    /// Where a value that was read lies.
    public borrowing func place(of value: RawSpan) -> MapPlace {
        unsafe value.withUnsafeBytes { unsafe MapPlace(address: UInt(bitPattern: $0.baseAddress), count: $0.count) }
    }

    /// The value at a place where it was found in another transaction of this environment.
    ///
    /// Unsafe because nothing is looked up: the caller knows that the value has not been changed between that transaction's commit and this one's,
    /// and that the pages of the former are kept for as long as this transaction is used; see ``KeptPages``.
    @unsafe @_lifetime(borrow self)
    public borrowing func value(at place: MapPlace) -> RawSpan? {
        guard let start = unsafe UnsafeRawPointer(bitPattern: place.address) else { return nil }
        let span = unsafe RawSpan(_unsafeStart: start, byteCount: place.count)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// Has the processor fetch the beginning of a value, and that of its page, which a descent to it reads too, while it does something else.
    public borrowing func fetchAhead(_ place: MapPlace) {
        guard place != .none else { return }
        // Any address may be fetched ahead: the processor ignores those that are none.
        unsafe muster_fetch_ahead(UnsafeRawPointer(bitPattern: place.address & ~(MapPlace.page - 1)))
        for line in 0..<MapPlace.linesAhead { unsafe muster_fetch_ahead(UnsafeRawPointer(bitPattern: place.address &+ line &* MapPlace.line)) }
    }
}
