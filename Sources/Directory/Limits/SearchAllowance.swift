/// What searches of one client may cost, as slapd.conf(5) has it: a soft limit holds where the client asks for none, a hard one
/// whatever it asks for. 0: no limit.
struct SearchAllowance: Sendable, Hashable {
    /// Entries sent.
    var softSize = 0
    /// Nil: as the soft one.
    var hardSize: Int?
    /// Seconds.
    var softTime = 0
    var hardTime: Int?
    /// Entries looked at.
    var candidates = 0
    /// Entries of one page (RFC 2696).
    var pageSize = 0
    /// Entries of all pages together.
    var paging = Paging.asHard

    enum Paging: Sendable, Hashable {
        /// The hard limit.
        case asHard
        case limit(Int)
        /// No paged searches.
        case disabled
    }

    /// No limits at all.
    static let unlimited = SearchAllowance()

    init() {}

    init(_ limits: SearchLimits) {
        softSize = limits.size
        softTime = limits.time
        candidates = limits.candidates
    }

    func time(requested: Int) -> Int { Self.limit(requested, soft: softTime, hard: hardTime) }

    /// - Parameter isPaged: whether the search is a paged one, whose pages count together.
    func size(requested: Int, isPaged: Bool) -> Int {
        guard isPaged else { return Self.limit(requested, soft: softSize, hard: hardSize) }
        switch paging {
        case .limit(let total): return Self.smaller(requested, total)
        case .asHard, .disabled: return Self.smaller(requested, hardSize ?? softSize)
        }
    }

    private static func limit(_ requested: Int, soft: Int, hard: Int?) -> Int {
        requested == 0 ? soft : smaller(requested, hard ?? soft)
    }

    /// The smaller of two limits of which 0 means none.
    static func smaller(_ a: Int, _ b: Int) -> Int { a == 0 ? b : b == 0 ? a : min(a, b) }
}
